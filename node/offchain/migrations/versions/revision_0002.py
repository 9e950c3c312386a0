"""Accounts, deposits, notifications, cases, registries and the record of accesses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """All tables but `requests`; those that others refer to come first.

    Openings that an older gateway kept for retries stood in `requests` in the clear: they are
    deleted, and stand in `items` from now on, sealed.
    """
    op.drop_column("requests", "keepsake")
    _accesses()
    _accounts()
    _authorities()
    _cases()
    _courts()
    _interests()
    _deposits()
    _events()
    _extraction_codes()
    _request_nonces()
    _source_profiles()
    _account_keys()
    _api_keys()
    _consents()
    _court_receipts()
    _exhibits()
    _parties()
    _identity_proofs()
    _items()
    _roles()
    _webhooks()
    _deliveries()


def _accesses() -> None:
    op.create_table(
        "accesses",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(64), nullable=True),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("object", sa.String(128), nullable=True),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("origin_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_accesses"),
    )
    op.create_index("ix_accesses_account", "accesses", ["account"])
    op.create_index("ix_accesses_at_ms", "accesses", ["at_ms"])
    op.create_index("ix_accesses_object", "accesses", ["object"])


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("submitter_type", sa.String(64), nullable=False),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("id_type", sa.String(64), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("id_no_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("contact_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("id_no_blind", sa.LargeBinary(32), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("account", name="pk_accounts"),
    )
    op.create_index("ix_accounts_id_no_blind", "accounts", ["id_no_blind"])


def _authorities() -> None:
    op.create_table(
        "authorities",
        sa.Column("root_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("licence_no", sa.String(128), nullable=False),
        sa.Column("cipher_licence_no", sa.String(128), nullable=True),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("valid_to_ms", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("root_digest", name="pk_authorities"),
    )


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("case_no", sa.String(64), nullable=False),
        sa.Column("court_code", sa.String(64), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("case_no", name="uq_cases_case_no"),
    )
    op.create_index("ix_cases_court_code", "cases", ["court_code"])


def _courts() -> None:
    op.create_table(
        "courts",
        sa.Column("court_code", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("level", sa.String(64), nullable=True),
        sa.Column("parent_code", sa.String(64), nullable=True),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=True),
        sa.Column("valid_to_ms", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("court_code", name="pk_courts"),
    )


def _interests() -> None:
    op.create_table(
        "interests",
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("member", sa.String(128), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("relation", sa.String(64), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("uscc", "member", name="pk_interests"),
    )


def _deposits() -> None:
    op.create_table(
        "deposits",
        sa.Column("statement_id", sa.LargeBinary(32), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("client_ref", sa.String(128), nullable=True),
        sa.Column("category", sa.String(64), nullable=False),
        sa.Column("mode", sa.String(64), nullable=False),
        sa.Column("alg", sa.String(64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("series", sa.LargeBinary(32), nullable=True),
        sa.Column("series_seq", sa.BigInteger(), nullable=True),
        sa.Column("matter_id", sa.String(128), nullable=True),
        sa.Column("phase", sa.String(64), nullable=True),
        sa.Column("profile", sa.LargeBinary(32), nullable=True),
        sa.Column("signature_effect", sa.String(64), nullable=True),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("skipped", sa.String(300), nullable=True),
        sa.Column("height", sa.BigInteger(), nullable=True),
        sa.Column("first_item", sa.BigInteger(), nullable=True),
        sa.Column("block_ms", sa.BigInteger(), nullable=True),
        sa.Column("leaf_index", sa.BigInteger(), nullable=True),
        sa.Column("entry_hash", sa.LargeBinary(32), nullable=True),
        sa.Column("final_ms", sa.BigInteger(), nullable=True),
        sa.Column("erased_ms", sa.BigInteger(), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("declared_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("submitter_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("statement_id", name="pk_deposits"),
    )
    op.create_index("ix_deposits_account_client_ref", "deposits", ["account", "client_ref"])
    op.create_index("ix_deposits_account_matter", "deposits", ["account", "matter_id"])
    op.create_index("ix_deposits_account_series", "deposits", ["account", "series", "series_seq"])
    op.create_index(
        "ix_deposits_account_received", "deposits", ["account", "received_ms", "statement_id"]
    )
    op.create_index("ix_deposits_entry_hash", "deposits", ["entry_hash"])
    op.create_index("ix_deposits_first_item", "deposits", ["first_item"])
    op.create_index("ix_deposits_state", "deposits", ["state", "leaf_index"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("statement_id", sa.LargeBinary(32), nullable=False),
        sa.Column("subject_no", sa.String(25), nullable=False),
        sa.Column("subject_id", sa.LargeBinary(32), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("opening_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("statement_id", name="pk_events"),
    )
    op.create_index("ix_events_account", "events", ["account"])
    op.create_index("ix_events_subject_id", "events", ["subject_id"])
    op.create_index("ix_events_subject_no", "events", ["subject_no"])


def _extraction_codes() -> None:
    op.create_table(
        "extraction_codes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("evidence_no", sa.String(25), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("code_blind", sa.LargeBinary(32), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_extraction_codes"),
        sa.UniqueConstraint(
            "evidence_no", "code_blind", name="uq_extraction_codes_evidence_no_code_blind"
        ),
    )
    op.create_index("ix_extraction_codes_evidence_no", "extraction_codes", ["evidence_no"])


def _request_nonces() -> None:
    op.create_table(
        "request_nonces",
        sa.Column("nonce", sa.LargeBinary(32), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("nonce", name="pk_request_nonces"),
    )
    op.create_index("ix_request_nonces_expires_ms", "request_nonces", ["expires_ms"])


def _source_profiles() -> None:
    op.create_table(
        "source_profiles",
        sa.Column("profile", sa.LargeBinary(32), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("registered_ms", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("profile", "account", name="pk_source_profiles"),
    )


def _account_keys() -> None:
    op.create_table(
        "account_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("value", sa.String(256), nullable=False),
        sa.Column("scopes", sa.String(128), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_account_keys_account"),
        sa.PrimaryKeyConstraint("id", name="pk_account_keys"),
        sa.UniqueConstraint("value", name="uq_account_keys_value"),
    )
    op.create_index("ix_account_keys_account", "account_keys", ["account"])


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("scopes", sa.String(128), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_api_keys_account"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("key_digest", name="uq_api_keys_key_digest"),
    )
    op.create_index("ix_api_keys_account", "api_keys", ["account"])


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("text_version", sa.String(64), nullable=False),
        sa.Column("text_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("given_ms", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_consents_account"),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
    )
    op.create_index("ix_consents_account", "consents", ["account"])


def _court_receipts() -> None:
    op.create_table(
        "court_receipts",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("receipt_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_court_receipts_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_court_receipts"),
    )
    op.create_index("ix_court_receipts_case_id", "court_receipts", ["case_id"])


def _exhibits() -> None:
    op.create_table(
        "exhibits",
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("exhibit_no", sa.Integer(), nullable=False),
        sa.Column("evidence_no", sa.String(25), nullable=False),
        sa.Column("litigation_role", sa.String(64), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("linked_ms", sa.BigInteger(), nullable=False),
        sa.Column("removed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_exhibits_case_id"),
        sa.PrimaryKeyConstraint("case_id", "exhibit_no", name="pk_exhibits"),
    )
    op.create_index("ix_exhibits_evidence_no", "exhibits", ["evidence_no"])


def _parties() -> None:
    op.create_table(
        "parties",
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("litigation_role", sa.String(64), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("named_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_parties_case_id"),
        sa.PrimaryKeyConstraint("case_id", "uscc", name="pk_parties"),
    )


def _identity_proofs() -> None:
    op.create_table(
        "identity_proofs",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("provider", sa.String(128), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("verified_ms", sa.BigInteger(), nullable=False),
        sa.Column("reference_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name="fk_identity_proofs_account"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_identity_proofs"),
    )
    op.create_index("ix_identity_proofs_account", "identity_proofs", ["account"])


def _items() -> None:
    op.create_table(
        "items",
        sa.Column("statement_id", sa.LargeBinary(32), nullable=False),
        sa.Column("item_index", sa.Integer(), nullable=False),
        sa.Column("opening_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("sha256_blind", sa.LargeBinary(32), nullable=True),
        sa.Column("sm3_blind", sa.LargeBinary(32), nullable=True),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["deposits.statement_id"], name="fk_items_statement_id"
        ),
        sa.PrimaryKeyConstraint("statement_id", "item_index", name="pk_items"),
    )
    op.create_index("ix_items_sha256_blind", "items", ["sha256_blind"])
    op.create_index("ix_items_sm3_blind", "items", ["sm3_blind"])


def _roles() -> None:
    op.create_table(
        "roles",
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("court_code", sa.String(64), nullable=True),
        sa.Column("granted_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_roles_account"),
        sa.PrimaryKeyConstraint("account", "role", name="pk_roles"),
    )


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("events", sa.String(128), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("old_secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("old_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("disabled_ms", sa.BigInteger(), nullable=True),
        sa.Column("disabled_why", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name="fk_webhooks_account"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_index("ix_webhooks_account", "webhooks", ["account"])


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("webhook", sa.String(32), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("claimed_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("delivered_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_failure", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["webhook"], ["webhooks.id"], name="fk_deliveries_webhook"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_created_ms", "deliveries", ["created_ms"])
    op.create_index("ix_deliveries_due_ms", "deliveries", ["due_ms"])
    op.create_index("ix_deliveries_webhook_created", "deliveries", ["webhook", "created_ms"])
