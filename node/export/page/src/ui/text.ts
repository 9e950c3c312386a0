/** What the page says itself, in Chinese and English; results speak with the words of the product. */

import type { AnswerKey, Language, Said } from "../evidence/verdict.ts";

const said = (zh: string, en: string): Said => ({ zh, en });

export const TEXT = {
  title: said("存证离线核验", "Offline verification of deposited evidence"),
  tagline: said(
    "本页不联网：文件只在这台电脑上计算，任何字节都不会发出。",
    "No network: files are read on this computer only, and no byte of them leaves it.",
  ),
  other: said("English", "中文"),
  what: said("证据包，或文件及其证明", "The bundle, or the file and its proof"),
  drop: said("拖放到此处，或", "Drop them here, or"),
  choose: said("选择文件", "choose files"),
  folder: said("选择已解压的证据包目录", "choose an unpacked bundle"),
  dropHint: said(
    "证据包（.zip）；或原文件和 .proof.txt 证明文件。另可加入外部信任锚：policy-fingerprint.txt 和根证书（.pem）。",
    "A bundle (.zip), or the file and its .proof.txt; also anchors from outside: policy-fingerprint.txt and roots (.pem).",
  ),
  fingerprint: said("策略指纹", "Policy fingerprint"),
  fingerprintHint: said(
    "8 组、每组 4 个字符。须取自法院公告等外部来源，不得取自证据包或证明文件。",
    "8 groups of 4. It must come from elsewhere, such as a court notice, never from the bundle or the proof.",
  ),
  fingerprintBad: said(
    "策略指纹应为 8 组、每组 4 个字符，由字母 A 至 Z 和数字 2 至 7 组成（没有 0、1、8、9）；请逐字核对。",
    "A policy fingerprint is 8 groups of 4, of the letters A to Z and the digits 2 to 7 (never 0, 1, 8 or 9); compare it character by character.",
  ),
  nothing: said(
    "请先选择证据包（.zip），或证明文件（.proof.txt）。",
    "Choose a bundle (.zip) or a proof (.proof.txt) first.",
  ),
  verify: said("开始核验", "Verify"),
  again: said("核验其他文件", "Verify something else"),
  back: said("返回修改，重新核验", "Go back and change what was given"),
  print: said("打印核验结果", "Print this result"),
  save: said("保存结果（JSON）", "Save the result (JSON)"),
  reading: said("正在读取并计算摘要", "Reading and hashing"),
  unreadable: said("文件无法读取，请重新选择。", "A file cannot be read; choose it again."),
  remove: said("移除", "Remove"),
  roleBundle: said("证据包", "bundle"),
  roleProof: said("证明文件", "proof"),
  roleRoot: said("外部根证书", "root from outside"),
  roleFile: said("被核验的文件", "file to be compared"),
  notProven: said("不证明的事项", "What is not proven"),
  nothingShown: said(
    "结果并非一致时，不得据此认为任何数据在所示时间已存在。本结果亦不说明数据是否被人改动、由谁改动。",
    "As long as the answer is not consistent, nothing follows about any data having existed at a time shown. Nor does it tell whether anything was altered, or by whom.",
  ),
  unproven: said("仅为证明文件所称，未核验成立", "as the proof says, not verified to hold"),
  signature: said("核验人（签名）：", "Verified by (signature): "),
  date: said("日期：", "Date: "),
  openPoints: said("待审查事项", "Open points"),
  noPoints: said("无", "none"),
  steps: said("核验步骤", "Steps"),
  step: said("步骤", "Step"),
  packageTitle: said("证据包整体", "The package as a whole"),
  deposit: said("存证", "Deposit"),
  repeat: said("如何自行复核", "How to repeat it"),
  timeline: said("时间线（北京时间）", "Timeline (Beijing time, UTC+8)"),
  claimed: said("签名人所称", "claimed by the signer"),
  accepted: said("网关接收", "accepted by the gateway"),
  block: said("区块时间", "block time"),
  seal: said("不晚于（联签）", "no later than (seals)"),
  now: said("本次核验", "this verification"),
  facts: said("存证信息", "Facts of the proof"),
  number: said("存证编号", "Evidence number"),
  cosigned: said("已联签", "Cosigned by"),
  missing: said("未联签", "Not cosigned by"),
  quorum: said("最低联签数", "Quorum"),
  chain: said("链", "Chain"),
  tree: said("树大小", "Tree size"),
  entryHash: said("交易哈希", "Entry hash"),
  category: said("证据类别（存证人申报）", "Evidence category (as declared)"),
  typed: said("核验人输入的策略指纹", "Policy fingerprint as typed"),
  none: said("未提供", "none given"),
  given: said("核验对象", "What was verified"),
  size: said("字节", "bytes"),
  repaired: said(
    "去除换行或 BOM 的改动后，其余内容的结果为",
    "Without the damage to line ends or BOM, the result of the rest is",
  ),
  unmatched: said(
    "所提交的文件与本证据包内任何一份存证的记录都不相符：",
    "A file is on the record of no deposit in this bundle: ",
  ),
  record: said("技术核验记录（可附卷）", "Technical verification record"),
  made: said("核验时间", "Verified at"),
  tool: said("核验程序", "Verified with"),
  clock: said("时间取自本机时钟", "by the clock of this computer"),
  members: said("家成员联签", "members cosigned"),
} as const;

/** What a row is called; the same numbers as in the documents and in the command. */
export const STEPS: readonly Said[] = [
  said("证据包、证明文件完整", "Package and proof are whole"),
  said("文件与记录一致", "The file is the recorded one"),
  said("数据项在存证单内", "The item is in the statement"),
  said("密钥已登记并签名", "Enrolled keys signed"),
  said("存证记录在区块的树内", "The entry is in the tree"),
  said("足够的机构联签", "A quorum of members sealed it"),
  said("各时间相符", "The times agree"),
  said("可信时间戳", "Trusted timestamp"),
  said("平台的双签名", "The platform's two signatures"),
];

export const OUTCOMES = {
  passed: { mark: "✓", word: said("通过", "PASS") },
  failed: { mark: "✕", word: said("未通过", "FAIL") },
  "not checked": { mark: "–", word: said("未核验", "NOT CHECKED") },
} as const;

/** The mark of each answer: told by shape and by word, and by colour only besides. */
export const MARKS: Record<AnswerKey, string> = {
  CONSISTENT: "✓",
  CONSISTENT_OPEN_POINTS: "!",
  NOT_DEPOSITED_BYTES: "≠",
  PROOF_NOT_VALID: "✕",
  NOT_FOUND: "?",
  PENDING: "…",
  ERASED: "∅",
  NO_PERMISSION: "⊘",
  COULD_NOT_CHECK: "–",
};

/** How to repeat a step with stock tools, in the unpacked bundle. */
export function repeat(step: number, number: string, isBundle: boolean): string {
  const [proof, signed] = [`data/03-proof/${number}`, `data/04-signatures/${number}`];
  const commands = [
    "sha256sum -c tagmanifest-sha256.txt && sha256sum -c manifest-sha256.txt",
    `sha256sum FILE; openssl dgst -sm3 FILE; cat ${proof}/recorded.txt\nsha256sum ${proof}/opening.bin; cat ${proof}/item.txt`,
    `cat ${proof}/page.bin ${proof}/page-path.txt ${proof}/place.txt`,
    `cd ${signed}; openssl pkeyutl -verify -pubin -inkey statement.pub.pem -rawin -in statement.msg -sigfile statement.sig`,
    `(printf '\\000'; cat ${proof}/entry.txt) | sha256sum; cat ${proof}/entry-path.txt`,
    `openssl dgst -sha256 -binary ${proof}/policy.txt | head -c 20 | base32; cat ${signed}/signatures.txt`,
    `grep -a -E '^(time|accepted-at)' ${proof}/entry.txt; cat ${signed}/quorum.json`,
    "openssl ts -verify -data SIZE.body -in SIZE.tsr -CAfile ROOT.pem",
    "openssl cms -verify -binary -inform DER -purpose any -in SIZE.body.p7s -content SIZE.body -CAfile ROOT.pem -out /dev/null",
  ];
  return isBundle
    ? commands[step]
    : "cunzheng verify FILE --policy-fingerprint FINGERPRINT --explain FOLDER";
}

export function other(language: Language): Language {
  return language === "zh" ? "en" : "zh";
}
