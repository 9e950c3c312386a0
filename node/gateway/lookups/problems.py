"""What a request to verify can meet."""

from __future__ import annotations

from node.gateway.http.problems import AnyProblem


class VerifyProblem(AnyProblem):
    """Problems with what is sent to be verified."""

    FILE_FACTS_INCOMPLETE = (
        422,
        "文件的大小与摘要不齐",
        "size and digests of the file are not all given",
        "请同时给出 size、sha256 和 sm3：证明可能以其中任何一项为准。文件内容无须上传。",
        "Give `size`, `sha256` and `sm3` together: a proof may rest on any of them. The content is "
        "never uploaded.",
    )
    WHICH_DEPOSIT = (
        422,
        "未指明文件属于哪一份存证",
        "of which deposit the file is, is not clear",
        "证据包内有 {count} 份存证；请以 evidence_no 指明其中一份。仅核验证明文件时不需要该参数。",
        "The bundle has {count} deposits: name one of them with `evidence_no`. It is not needed "
        "with a proof file.",
    )
    UPLOAD_TOO_LARGE = (
        413,
        "上传内容超过在线核验的上限",
        "too large to be verified here",
        "在线核验的证明文件最多 {proof} 字节，证据包最多 {limit} 字节，解压后合计最多 {inflated} "
        "字节，其中 JSON 最多 {json} 字节。更大的证据包请离线核验：cunzheng verify，"
        "或其中的 verify.html。",
        "A proof file has at most {proof} bytes here, a bundle {limit} and unpacked {inflated}, "
        "{json} of them JSON. "
        "Verify a larger one offline: `cunzheng verify`, or the verify.html inside.",
    )
