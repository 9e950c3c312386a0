"""What a lookup says of a deposit's timestamp, in all answers alike."""

from pydantic import BaseModel, Field


class TimestampedValue(BaseModel):
    """A trusted timestamp reaches the deposit: it existed no later than this."""

    authority: str
    independent: bool = Field(
        description="False if it is the platform's own service: 平台自建时间戳，非独立第三方."
    )
    beijing: str
    utc: str
    ms: int
    tree_size: int = Field(description="Leaves under the checkpoint that is stamped.")
