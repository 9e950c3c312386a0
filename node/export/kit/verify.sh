#!/bin/sh
# 核验司法存证证据包（目录）。 Verifies an evidence bundle (a directory) with stock tools.
#
#   ROOTS=DIR sh verify.sh [BUNDLE] [NO=FILE]...
#
# BUNDLE  证据包目录；省略则为本文件所在的证据包。 Without it: the bundle this file lies in.
# ROOTS   另行取得的信任锚，不得取自证据包 what you had from elsewhere, never from the bundle:
#         policy-fingerprint.txt, *.pem (tsa*: timestamps only; platform*: the platform only).
# NO=FILE 您手中的文件，按存证编号 a file in your hands, by its evidence number.
#
# Needs a POSIX sh, coreutils, grep, sed, xxd and OpenSSL 3; no network; writes below $TMPDIR only.
# Exit: 0 every step PASS; 10 none failed, some NOT CHECKED; 20 another file than the deposited one;
# 30 a step failed; 80 nothing to judge by (no fingerprint, no OpenSSL 3, or a file whose proof has no
# opening to compare it with); 2 called wrongly.
#
# How it works. The proof file of each deposit is taken apart here, and all that stock tools need is
# made from it once more and compared with folders 03 and 04 byte for byte; so what is hashed and
# verified below is what the proof says, whatever lies in the bundle. This program shares no line
# with the other verifiers. It does not judge the spelling of JSON (verify.py does).

# Words are split where lists of checked words are meant, and `a && b || c` means what it says:
# shellcheck disable=SC2013,SC2015,SC2046,SC2086

set -u
LC_ALL=C
export LC_ALL
unset OPENSSL_CONF SSL_CERT_FILE SSL_CERT_DIR POSIXLY_CORRECT CDPATH
umask 077
IFS=' 	
'

NO='EV[0-9]{20}-[0-9]{2}'
LF='
'

say() { printf '%s\n' "$*"; }
refuse() {
    say "$1" >&2
    exit "${2:-2}"
}

# ---- results: one line a step

begin() { # STEP
    step=$1 state=PASS why=
}
bad() { # WHY: this step does not hold
    state=FAIL
    why="$why${why:+; }$1"
}
skip() { # WHY: this step, or a part of it, was not checked
    [ "$state" = FAIL ] || state='NOT CHECKED'
    why="$why${why:+; }$1"
}
end() { # ZH EN
    printf '%s%s %-11s  %s  %s%s\n' "$margin" "$step" "$state" "$1" "$2" "${why:+: $why}"
    [ "$state" = PASS ] || say "$step $state" >>"$tmp/results"
}
shown() { # a hostile name in harmless letters
    printf '%s' "$1" | tr -c 'A-Za-z0-9._/-' '?' | cut -c1-120
}

# ---- numbers, hashes, times

is_number() {
    case $1 in
    '' | *[!0-9]* | 0?*) return 1 ;;
    esac
    [ ${#1} -le 16 ]
}
is_hash() {
    case $1 in
    *[!0-9a-f]*) return 1 ;;
    esac
    [ ${#1} -eq 64 ]
}
unhex() { xxd -r -p; }
tohex() { xxd -p | tr -d '\n'; }
sum() { sha256sum | cut -c1-64; }
node() { printf '01%s%s' "$1" "$2" | unhex | sum; }
leaf() { # FILE
    { printf '\000' && cat "$1"; } | sum
}
decode() { printf '%s' "$1" | base64 -d 2>/dev/null; }
fingerprint() { # FILE
    openssl dgst -sha256 -binary "$1" | head -c 20 | base32 | sed 's/..../&-/g;s/-$//'
}
date_of() { # SECONDS since 1970 -> yyyy-mm-dd
    _z=$(($1 / 86400 + 719468))
    _era=$((_z / 146097))
    _doe=$((_z - _era * 146097))
    _yoe=$(((_doe - _doe / 1460 + _doe / 36524 - _doe / 146096) / 365))
    _doy=$((_doe - (365 * _yoe + _yoe / 4 - _yoe / 100)))
    _mp=$(((5 * _doy + 2) / 153))
    _m=$((_mp < 10 ? _mp + 3 : _mp - 9))
    _y=$((_yoe + _era * 400 + (_m <= 2)))
    printf '%04d-%02d-%02d' "$_y" "$_m" "$((_doy - (153 * _mp + 2) / 5 + 1))"
}
clock_of() { # SECONDS -> hh:mm:ss
    printf '%02d:%02d:%02d' "$(($1 % 86400 / 3600))" "$(($1 % 3600 / 60))" "$(($1 % 60))"
}
both_times() { # SECONDS FRACTION
    printf '%s %s%s 北京时间 UTC+8 (%s %s%s UTC)' "$(date_of $(($1 + 28800)))" \
        "$(clock_of $(($1 + 28800)))" "$2" "$(date_of "$1")" "$(clock_of "$1")" "$2"
}
seconds_of() { # YEAR MONTH DAY HH MM SS, as openssl or a bundle's name writes them; 0 for no time
    case $1$3$4$5$6 in '' | *[!0-9]*) say 0 && return ;; esac
    case $2 in
    Jan) _m=1 ;; Feb) _m=2 ;; Mar) _m=3 ;; Apr) _m=4 ;; May) _m=5 ;; Jun) _m=6 ;; Jul) _m=7 ;;
    Aug) _m=8 ;; Sep) _m=9 ;; Oct) _m=10 ;; Nov) _m=11 ;; Dec) _m=12 ;;
    *[!0-9]*) say 0 && return ;;
    *) _m=${2#0} ;;
    esac
    _y=$(($1 - (_m <= 2)))
    _doy=$(((153 * (_m > 2 ? _m - 3 : _m + 9) + 2) / 5 + ${3#0} - 1))
    _days=$((_y * 365 + _y / 4 - _y / 100 + _y / 400 + _doy - 719468))
    say $((_days * 86400 + ${4#0} * 3600 + ${5#0} * 60 + ${6#0}))
}

# ---- trees (RFC 9162): a path as lines `L HEX`, `R HEX`, the root it leads to in $root

climb() { # HASH INDEX SIZE HASHES(file) PATH(file, written)
    root=$1 _fn=$2 _sn=$(($3 - 1))
    : >"$5"
    [ "$_fn" -le "$_sn" ] || root=beyond
    while read -r _h; do
        if [ "$_sn" -le 0 ]; then root=surplus; fi
        if [ $((_fn & 1)) = 1 ] || [ "$_fn" = "$_sn" ]; then
            say "L $_h" >>"$5"
            root=$(node "$_h" "$root")
            while [ "$_fn" != 0 ] && [ $((_fn & 1)) = 0 ]; do
                _fn=$((_fn >> 1)) _sn=$((_sn >> 1))
            done
        else
            say "R $_h" >>"$5"
            root=$(node "$root" "$_h")
        fi
        _fn=$((_fn >> 1)) _sn=$((_sn >> 1))
    done <"$4"
    [ "$_sn" = 0 ] || root=missing
}
extend() { # SIZE ROOT SIZE HASHES(file) PATH(file, written): the later root in $root, or a word
    _fn=$(($1 - 1)) _sn=$(($3 - 1))
    while [ $((_fn & 1)) = 1 ]; do _fn=$((_fn >> 1)) _sn=$((_sn >> 1)); done
    if [ "$_fn" = 0 ] || [ "$1" = "$3" ]; then
        { say "$2" && cat "$4"; } >"$tmp/steps"
    else
        cp "$4" "$tmp/steps"
    fi
    read -r root <"$tmp/steps" || root=missing
    _old=$root
    say "= $root" >"$5"
    [ "$1" != "$3" ] || _sn=0
    sed 1d "$tmp/steps" >"$tmp/rest"
    while read -r _h; do
        if [ "$_sn" -le 0 ]; then root=surplus; fi
        if [ $((_fn & 1)) = 1 ] || [ "$_fn" = "$_sn" ]; then
            say "L $_h" >>"$5"
            _old=$(node "$_h" "$_old") root=$(node "$_h" "$root")
            while [ "$_fn" != 0 ] && [ $((_fn & 1)) = 0 ]; do
                _fn=$((_fn >> 1)) _sn=$((_sn >> 1))
            done
        else
            say "R $_h" >>"$5"
            root=$(node "$root" "$_h")
        fi
        _fn=$((_fn >> 1)) _sn=$((_sn >> 1))
    done <"$tmp/rest"
    [ "$_old" = "$2" ] || root=another
    [ "$_sn" = 0 ] || root=missing
}

# ---- signatures: NAME.msg NAME.sig NAME.pub.pem below $w/04, as the proof gives them

keep() { # STEP NAME KEY SIGNATURE(hex) TYPE LISTED MESSAGE(file)
    _alg=${3%%:*} _raw=$(decode "${3#*:}" | tohex)
    case $_alg in
    ed25519) _raw=302a300506032b6570032100$_raw _size=88 ;;
    p256) _size=182 _spki=3059301306072a8648ce3d020106082a8648ce3d03010703420004 ;;
    sm2) _size=182 _spki=3059301306072a8648ce3d020106082a811ccf5501822d03420004 ;;
    *) _size=0 ;;
    esac
    [ "$_alg" = ed25519 ] || case $_raw in "$_spki"*) ;; *) _size=0 ;; esac
    case $2 in *[!a-z0-9-]*) malformed 'a name in the proof' && return ;; esac
    [ ${#_raw} = "$_size" ] || malformed "a public key of $2"
    {
        say '-----BEGIN PUBLIC KEY-----'
        printf '%s' "$_raw" | unhex | base64 -w 64
        say '-----END PUBLIC KEY-----'
    } >"$w/04/$2.pub.pem"
    printf '%s' "$4" | unhex >"$w/04/$2.sig"
    cat "$7" >"$w/04/$2.msg"
    say "$1 $2 $_alg $5 $6" >>"$w/04/signatures.txt"
}
holds() { # NAME ALGORITHM
    set -- "$w/04/$1" "$2"
    case $2 in
    ed25519) set -- "$1" ;;
    p256) low "$1.sig" && set -- "$1" -digest sha256 || return 1 ;;
    sm2) set -- "$1" -digest sm3 -pkeyopt distid:1234567812345678 ;;
    *) return 1 ;;
    esac
    _stem=$1
    shift
    openssl pkeyutl -verify -pubin -inkey "$_stem.pub.pem" "$@" -rawin -in "$_stem.msg" \
        -sigfile "$_stem.sig" >/dev/null 2>&1
}
low() { # SIG(file): s of a P-256 signature is in the lower half
    _s=$(tohex <"$1")
    _s=${_s#??????}
    _r=$((2 * 0x0$(printf '%s' "$_s" | cut -c1-2)))
    _s=$(printf '%s' "$_s" | cut -c$((_r + 7))- | sed 's/^00//')
    [ ${#_s} -lt 64 ] && return 0
    _half=7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8
    printf '%s\n%s\n' "$_s" "$_half" | sort -c 2>/dev/null
}
hold() { # STEP: every signature of this step; the names of those that do not hold
    while read -r _step _name _sig_alg _; do
        [ "$_step" = "$1" ] || continue
        holds "$_name" "$_sig_alg" </dev/null || printf '%s ' "$_name"
    done <"$w/04/signatures.txt"
}

# ---- (0) the package

walk() { # DIRECTORY PREFIX DEPTH: every file, and whatever should not be there
    for _f in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        [ -e "$_f" ] || [ -L "$_f" ] || continue
        _name=${_f##*/}
        case $_name in
        *[!A-Za-z0-9._-]* | [!A-Za-z0-9]*) say "a name: $2$(shown "$_name")" >>"$tmp/bad" ;;
        *)
            if [ -L "$_f" ]; then
                say "a symbolic link: $2$_name" >>"$tmp/bad"
            elif [ -d "$_f" ] && [ "$3" -lt 6 ]; then
                (walk "$_f" "$2$_name/" $(($3 + 1)))
            elif [ -f "$_f" ] && [ -r "$_f" ]; then
                say "$2$_name" >>"$tmp/found"
            else
                say "neither a file nor a folder: $2$_name" >>"$tmp/bad"
            fi
            ;;
        esac
    done
}
whole() { # MANIFEST: lines of a digest and a path, sorted, every path once
    if grep -qvE '^[0-9a-f]{64}  [A-Za-z0-9][A-Za-z0-9._/-]*$' "$1" || [ -n "$(tail -c 1 "$1")" ] ||
        ! cut -c67- "$1" | sort -c -u 2>/dev/null; then
        bad "$(shown "$1") is no list of digests"
        return 1
    fi
}
package() {
    begin 0
    : >"$tmp/found" && : >"$tmp/bad"
    walk . '' 1
    sort -o "$tmp/found" "$tmp/found"
    while read -r _b; do bad "$_b"; done <"$tmp/bad"
    [ -z "$(tr '[:upper:]' '[:lower:]' <"$tmp/found" | sort | uniq -d)" ] || bad 'names that differ in case only'
    for _f in bagit.txt bag-info.txt manifest-sha256.txt manifest-sm3.txt tagmanifest-sha256.txt \
        data/00-certificate/contents-sha256.txt; do
        grep -Fxq "$_f" "$tmp/found" || bad "there is no $_f"
    done
    usable=
    if [ "$state" = PASS ]; then places; fi
    if [ "$state" = PASS ]; then lists && info; fi
    end '证据包完整，各文件与清单一致' 'the package is whole, every file is the one listed'
}
places() {
    _size='(0|[1-9][0-9]{0,15})'
    _n='[A-Za-z0-9][A-Za-z0-9._-]*'
    _p="bagit.txt|bag-info.txt|manifest-(sha256|sm3)\.txt|tagmanifest-sha256\.txt"
    _p="$_p|data/00-certificate/(contents-sha256\.txt|evidence-list\.json|certificate\.pdf"
    _p="$_p|certificate\.json(\.p7s|\.sm2\.sig)?|[0-9]{3}_$NO\.(pdf|json))"
    _p="$_p|data/01-evidence/(EMPTY\.txt|[0-9]{3}_$NO\.bin)"
    _p="$_p|data/02-record/$NO/(proof\.txt|details\.json|declared\.json)"
    _p="$_p|data/0(3-proof|4-signatures)/$NO/$_n"
    _p="$_p|data/04-signatures/platform/$_size\.body\.(p7s|sm2\.sig)"
    _p="$_p|data/05-timestamps/($_size\.(body|tsq|tsr)|tsa-info\.json|consistency-$_size-$_size\.txt)"
    _p="$_p|data/06-certificates/($_n\.pem|six-items\.txt)"
    _p="$_p|data/(07-environment|08-custody|09-statements|10-dossier-17|11-open-issues|12-verify)"
    grep -vE "^($_p/($_n/){0,3}$_n)\$" "$tmp/found" >"$tmp/misplaced"
    while read -r _b; do bad "no place for $_b"; done <"$tmp/misplaced"
}
lists() {
    grep '^data/' "$tmp/found" >"$tmp/payload"
    for _m in manifest-sha256.txt manifest-sm3.txt; do
        whole "$_m" || return
        cut -c67- "$_m" | cmp -s - "$tmp/payload" || bad "$_m does not list the files there are"
    done
    whole tagmanifest-sha256.txt || return
    _tags="bag-info.txt${LF}bagit.txt${LF}manifest-sha256.txt${LF}manifest-sm3.txt"
    [ "$(cut -c67- tagmanifest-sha256.txt)" = "$_tags" ] || bad 'tagmanifest-sha256.txt'
    [ "$state" = PASS ] || return
    usable=yes
    sha256sum -c manifest-sha256.txt >/dev/null 2>&1 || bad 'a SHA-256 of manifest-sha256.txt'
    sha256sum -c tagmanifest-sha256.txt >/dev/null 2>&1 || bad 'a SHA-256 of tagmanifest-sha256.txt'
    split -l 400 "$tmp/payload" "$tmp/part-"
    for _part in "$tmp"/part-*; do
        while read -r _f; do set -- "$@" "$_f"; done <"$_part"
        openssl dgst -sm3 -r "$@" </dev/null 2>/dev/null | sed 's/^\([^ ]*\) \*/\1  /'
        wc -c "$@" | grep ' data/' >>"$tmp/sizes"
        shift $#
    done >"$tmp/sm3"
    cmp -s "$tmp/sm3" manifest-sm3.txt || bad 'an SM3 digest of manifest-sm3.txt'
    grep -v '  data/0\(0-certificate/\(contents-sha256\.txt$\|certificate\.\)\|1-evidence/\)' manifest-sha256.txt |
        cmp -s - data/00-certificate/contents-sha256.txt || bad 'contents-sha256.txt'
}
evidence_numbers() { # FILE of JSON
    grep -oE '"evidence_no":"[^"]*"' "$1" | sed 's/^.*:"//;s/"$//'
}
info() {
    printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' | cmp -s - bagit.txt ||
        bad 'bagit.txt'
    profile=$(sed -n 's/^Profile: //p' bag-info.txt)
    _day=$(sed -n 's/^Bagging-Date: //p' bag-info.txt)
    name=$(sed -n 's/^External-Identifier: //p' bag-info.txt)
    numbers=$(sed -n 's/^Evidence-Number: //p' bag-info.txt)
    _octets=0
    while read -r _s _; do _octets=$((_octets + _s)); done <"$tmp/sizes"
    {
        printf 'Evidence-Bundle-Version: 1\nProfile: %s\nBagging-Date: %s\n' "$profile" "$_day"
        printf 'External-Identifier: %s\n' "$name"
        printf 'Payload-Oxum: %s.%s\n' "$_octets" "$(grep -c '' "$tmp/payload")"
        say "$numbers" | sed 's/^/Evidence-Number: /'
    } | cmp -s - bag-info.txt || bad 'bag-info.txt'
    say "$numbers" | grep -qvE "^$NO\$" && bad 'a number of bag-info.txt' && usable=''
    say "$name" | grep -qE "^EVB_${NO}_[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}\$" || { bad 'the name in bag-info.txt' && usable=''; }
    case $name in "EVB_${numbers%%"$LF"*}_"*) ;; *) bad 'the number in the name' ;; esac
    [ -z "$(say "$numbers" | sort | uniq -d)" ] || bad 'one evidence number twice'
    sed -n "s,^data/0[234]-[a-z]*/\(EV[0-9-]*\)/.*,\1,p" "$tmp/payload" | sort -u >"$tmp/folders"
    say "$numbers" | sort | cmp -s - "$tmp/folders" || bad 'the folders are of other deposits'
    _list=data/00-certificate/evidence-list.json
    if [ -f $_list ]; then
        _named=$(evidence_numbers $_list)
        [ "$_named" = "$numbers" ] || bad 'evidence-list.json names other deposits'
    fi
    _n=0
    case $profile in
    FULL) for _no in $numbers; do
        _n=$((_n + 1)) && printf 'data/01-evidence/%03d_%s.bin\n' $_n "$_no"
    done ;;
    DIGEST) say data/01-evidence/EMPTY.txt ;;
    *) bad 'the profile' ;;
    esac >"$tmp/originals"
    grep '^data/01-evidence/' "$tmp/payload" | cmp -s - "$tmp/originals" || bad 'the originals'
    _json=data/00-certificate/certificate.json
    if [ -f $_json ]; then
        _named=$(grep -oE '"contents":"[^"]*"' $_json)
        [ "$_named" = "\"contents\":\"$(sum <data/00-certificate/contents-sha256.txt)\"" ] ||
            bad 'certificate.json names other contents'
        _named=$(evidence_numbers $_json)
        [ "$_named" = "$numbers" ] || [ "$_named" = "$numbers$LF$numbers" ] ||
            bad 'certificate.json is of other deposits'
    fi
    _n=0
    for _no in $numbers; do
        _n=$((_n + 1)) && printf 'data/00-certificate/%03d_%s.json\n' $_n "$_no"
    done >"$tmp/exhibits"
    grep -E '^data/00-certificate/[0-9]{3}_' "$tmp/payload" | grep 'json$' | grep -vxF -f "$tmp/exhibits" >"$tmp/surplus"
    while read -r _f; do bad "$_f is of no deposit in its place"; done <"$tmp/surplus"
    _pdf=data/00-certificate/certificate.pdf
    if [ -f $_pdf ]; then
        [ -s $_json ] && [ "$(grep -c '' $_json)/$(grep -acxF -f $_json $_pdf)" = 1/1 ] ||
            bad 'certificate.pdf does not hold certificate.json as it is'
    fi
}

# ---- a proof taken apart: what it says in variables, what stock tools need below $w/03 and $w/04

malformed() { # WHY
    unread="$unread${unread:+, }$1"
}
next() { # the next line of the proof in $line
    line=$(sed -n "${at}{p;q;}" "$proof")
    at=$((at + 1))
}
again() { printf '%s\n' "$@" >>"$w/again"; } # the line as it must be spelled
value() { # KEYWORD: the value of the next line, which begins with it
    next
    value=${line#"$1 "}
    again "$1 $value"
}
number() {
    value "$1"
    is_number "$value" || { malformed "$1" && value=0; }
}
hashes() { # KEYWORD FILE: all lines of this kind that follow
    : >"$2"
    while next && [ "$line" != "${line#"$1 "}" ]; do
        is_hash "${line#"$1 "}" || { malformed "$1" && break; }
        again "$line"
        say "${line#"$1 "}" >>"$2"
    done
    at=$((at - 1))
}
text() { # KEYWORD FILE: so many lines, verbatim
    number "$1"
    sed -n "$at,$((at + value - 1))p" "$proof" >"$2"
    cat "$2" >>"$w/again"
    at=$((at + value))
}
field() { sed -n "$2{s/^$3 //p;q;}" "$1"; } # FILE LINE KEYWORD
in_json() { printf '%s' "$1" | sed -n "s/^.*\"$2\":\"\{0,1\}\([^\",}]*\).*\$/\1/p"; } # JSON KEY

take_apart() { # NUMBER
    w=$tmp/work/$1 proof=data/02-record/$1/proof.txt unread='' at=0
    mkdir -p "$w/03" "$w/04"
    : >"$w/again" && : >"$w/04/signatures.txt" && : >"$w/keys" && : >"$w/policies"
    [ "$(sed -n '1{p;q;}' "$proof")" = cunzheng/proof/v1 ] || malformed 'not cunzheng/proof/v1'
    at=$(sed -n '/^$/{=;q;}' "$proof")
    [ -n "$at" ] && [ -z "$unread" ] || { malformed 'no sections' && return; }
    at=$((at + 1))
    read_opening
    read_page
    text entry "$w/03/entry.txt" && next && again ''
    keys=0
    while next && [ "$line" = key ] && [ $keys -lt 16 ]; do
        keys=$((keys + 1)) && again key && read_leaf "key-$keys" "$w/keys"
    done
    at=$((at - 1))
    text policy "$w/03/policy.txt" && next && again ''
    text members "$w/03/members.txt" && next && again ''
    entries=0
    while next && [ "$line" = policy-entry ] && [ $entries -lt 1000 ]; do
        entries=$((entries + 1)) && again policy-entry
        read_leaf "policy-entry-$entries" "$w/policies"
    done
    later=
    if [ "$line" = later ]; then
        again later
        hashes path "$w/later-hashes"
        text note "$w/03/later.note" && next && again ''
        later=yes
        next
    fi
    again c2sp.org/tlog-proof@v1
    number index
    index=$value
    read_tlog
    [ -z "$unread" ] || return
    read_entry
    read_policy
    [ -z "$unread" ] || return
    note checkpoint ''
    [ -z "$later" ] || note later later-
    [ -z "$unread" ] || return
    seal_s=$(cut -d ' ' -f 2 "$w/checkpoint-times" | sort -n | sed -n "${quorum}p")
    the_head | cat - "$w/again" | cmp -s - "$proof" || malformed 'not spelled as it must be'
}
read_opening() {
    next
    opening=
    [ "$line" = opening ] || { at=$((at - 1)) && return; }
    again opening
    value salt
    salt=$value opening=yes alg=''
    for _a in sha256 sm3; do
        next
        if [ "$line" != "${line#"$_a "}" ]; then
            again "$_a ${line#"$_a "}"
            say "$_a ${line#"$_a "}" >>"$w/03/recorded.txt"
            is_hash "${line#"$_a "}" || malformed "$_a"
            alg=$alg${alg:++}$_a
        else
            at=$((at - 1))
        fi
    done
    number size
    say "size $value" >>"$w/03/recorded.txt"
    size=$value details=0000000000000000000000000000000000000000000000000000000000000000
    next
    if [ "$line" != "${line#details }" ]; then
        printf '%s' "${line#details }" >"$w/details.json"
        again "$line"
        details=$(sum <"$w/details.json")
        next
    fi
    again ''
    is_hash "$salt" || malformed salt
    {
        printf 'cunzheng/item/v1 %s\n' "$alg"
        { printf '%s' "$salt" && grep -v size "$w/03/recorded.txt" | sed 's/^.* //' &&
            printf '%016x' "$size" && printf '%s' "$details"; } | unhex
    } >"$w/03/opening.bin"
}
read_page() {
    next && again page
    number item-index
    item_index=$value
    hashes item "$w/items"
    unhex <"$w/items" >"$w/03/page.bin"
    hashes path "$w/page-hashes"
    next && again ''
}
read_leaf() { # NAME LIST: one line `INDEX NAME` in LIST
    number index
    say "$value $1" >>"$2"
    hashes path "$w/$1-hashes"
    text entry "$w/03/$1.txt" && next && again ''
}
read_tlog() {
    : >"$w/entry-hashes"
    while next && [ -n "$line" ]; do
        _h=$(decode "$line" | tohex)
        is_hash "$_h" || { malformed 'a hash of the tlog-proof' && return; }
        again "$(printf '%s' "$_h" | unhex | base64 -w 0)"
        say "$_h" >>"$w/entry-hashes"
    done
    again ''
    sed -n "$at,\$p" "$proof" >"$w/03/checkpoint.note"
    cat "$w/03/checkpoint.note" >>"$w/again"
}
read_entry() {
    _e=$w/03/entry.txt
    height=$(field "$_e" 3 height) time_ms=$(field "$_e" 4 time) first=$(field "$_e" 5 first-item)
    gateway=$(field "$_e" 6 gateway) accepted=$(field "$_e" 7 accepted-at)
    receipt=$(field "$_e" 8 receipt) signature=$(field "$_e" 9 signature)
    statement=$(sed -n 10p "$_e")
    printf '%s' "$statement" >"$w/03/statement.txt"
    printf 'cunzheng/entry/v1\nkind statement\nheight %s\ntime %s\nfirst-item %s\n' \
        "$height" "$time_ms" "$first" >"$tmp/entry"
    printf 'gateway %s\naccepted-at %s\nreceipt %s\nsignature %s\n%s\n' "$gateway" "$accepted" \
        "$receipt" "$signature" "$statement" >>"$tmp/entry"
    cmp -s "$tmp/entry" "$_e" || malformed 'the entry'
    for _v in "$gateway" "$receipt" "$signature"; do
        printf '%s' "$_v" | grep -qxE '[a-z0-9]+:[A-Za-z0-9+/=]+' || malformed 'a key of the entry'
    done
    for _v in "$height" "$time_ms" "$first" "$accepted"; do
        is_number "$_v" || malformed 'a number of the entry'
    done
    _n='(0|[1-9][0-9]{0,15})' _k='[a-z0-9]+:[A-Za-z0-9+/=]+' _h='[0-9a-f]{64}'
    _s="\"alg\":\"(sha256|sm3|sha256\+sm3)\",\"category\":\"[A-Z0-9_]+\",\"claimed_at\":$_n"
    _s="$_s,\"count\":$_n,\"items_root\":\"$_h\",\"key\":\"$_k\",\"mode\":\"(commitment|digest)\""
    _s="$_s,\"nonce\":\"[0-9a-f]{32}\",\"origin\":\"[a-z0-9._/-]+\",\"page\":(1|16)"
    _s="$_s(,\"profile\":\"$_h\")?(,\"series\":\{[a-f0-9eipqrsv\":,]+\})?(,\"submitter\":\"$_h\")?"
    grep -qE "^cunzheng/statement/v1 \{$_s,\"type\":\"deposit\"\}\$" "$w/03/statement.txt" ||
        malformed 'the statement'
    [ -z "$unread" ] || return # What is no number must not reach the shell's arithmetic.
    count=$(in_json "$statement" count) page=$(in_json "$statement" page)
    items_root=$(in_json "$statement" items_root) key=$(in_json "$statement" key)
    mode=$(in_json "$statement" mode) origin=$(in_json "$statement" origin)
    stated=$(in_json "$statement" alg)
    [ -n "$opening" ] && [ "$mode/$alg" != "commitment/$stated" ] && malformed 'the opening'
    [ "$item_index" -lt "${count:-0}" ] || { malformed 'item-index' && return; }
    slot=$((item_index % page)) _left=$((count - item_index / page * page))
    [ "$(grep -c '' "$w/items")" = $((_left < page ? _left : page)) ] || malformed 'the page'
    item=$(sed -n "$((slot + 1))p" "$w/items")
    say "$item" >"$w/03/item.txt"
    if [ "$mode" = digest ]; then say "$stated $item" >"$w/03/recorded.txt"; fi
    NUMBER=$(evidence_number $((time_ms / 1000 + 28800)) $((first + item_index)))
    keep 3 statement "$key" "$(decode "${signature#*:}" | tohex)" - statement.txt \
        "$w/03/statement.txt"
    printf 'cunzheng/receipt/v1 {"accepted_at":%s,"origin":"%s","statement":"%s"}' "$accepted" \
        "$origin" "$(sum <"$w/03/statement.txt")" >"$tmp/receipt"
    keep 3 receipt "$gateway" "$(decode "${receipt#*:}" | tohex)" - entry.txt "$tmp/receipt"
    for _s in "$signature" "$receipt"; do
        [ "${_s#*:}" = "$(decode "${_s#*:}" | base64 -w 0)" ] || malformed 'base64'
    done
    [ "${signature%%:*}/${receipt%%:*}" = "${key%%:*}/${gateway%%:*}" ] || malformed 'an algorithm'
}
evidence_number() { # SECONDS ORDINAL
    _digits=$(date_of "$1" | tr -d -)$(printf '%012d' "$2")
    _rest=1431
    for _part in $(printf '%s' "$_digits" | sed 's/...../& /g'); do
        _unit=1$(printf '%s' "$_part" | sed 's/./0/g')
        _rest=$(((_rest % 97) * _unit + 1$_part - _unit))
    done
    printf 'EV%s-%02d' "$_digits" $((98 - _rest % 97 * 100 % 97))
}
texts_fit() { # POLICY MEMBERS: line by line, so that no name of theirs is taken for anything else
    _key='[a-z0-9]+:[A-Za-z0-9+/=]+' _who='[a-z][a-z0-9-]{0,31}' _n='(0|[1-9][0-9]{0,15})'
    _p="#cunzheng (policy v1|network (test|production)|(rules|serial|skew-ms) $_n|members [0-9a-f]{64}"
    _p="$_p|authority $_key)|(log|witness $_who) [a-z0-9._/-]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+"
    _p="$_p|group members $_n( $_who)+|quorum members"
    _m="cunzheng/members/v1|member $_who [a-z]+ [^[:cntrl:]]+|key $_who $_key"
    ! grep -qvE "^($_p)\$" "$1" && ! grep -qvE "^($_m)\$" "$2"
}
read_policy() {
    texts_fit "$w/03/policy.txt" "$w/03/members.txt" || { malformed 'policy or members' && return; }
    network=$(field "$w/03/policy.txt" 2 '#cunzheng network')
    serial=$(field "$w/03/policy.txt" 4 '#cunzheng serial')
    skew=$(field "$w/03/policy.txt" 5 '#cunzheng skew-ms')
    _group=$(sed -n 's/^group members //p' "$w/03/policy.txt")
    quorum=${_group%% *} members=${_group#* }
    set -- $members
    count_members=$#
    for _v in "$serial" "$skew" "$quorum"; do
        is_number "$_v" || { malformed 'the policy' && return; }
    done
    [ $entries = $((serial > 1 ? serial : 0)) ] || malformed 'policy entries'
    : >"$w/notes"
    _i=0
    while read -r _index _name; do
        _i=$((_i + 1))
        sed 1,4d "$w/03/$_name.txt" >"$w/note-$_i"
        _lines=$(field "$w/note-$_i" 5 policy)
        is_number "$_lines" || { malformed 'a policy note' && return; }
        _more=$(sed -n "$((_lines + 6)){s/^members //p;q;}" "$w/note-$_i")
        is_number "$_more" || { malformed 'a policy note' && return; }
        sed -n "6,$((_lines + 5))p" "$w/note-$_i" >"$w/policy-$_i"
        sed -n "$((_lines + 7)),$((_lines + _more + 6))p" "$w/note-$_i" >"$w/members-$_i"
        sed -n "1,$((_lines + _more + 6))p" "$w/note-$_i" >"$w/body-$_i"
        sed "1,$((_lines + _more + 7))d" "$w/note-$_i" >"$w/signed-$_i"
        texts_fit "$w/policy-$_i" "$w/members-$_i" || { malformed 'a policy note' && return; }
        [ $_i = "$entries" ] || cp "$w/policy-$_i" "$w/03/policy-$_i.txt"
    done <"$w/policies"
    _i=0
    while read -r _index _name; do
        _i=$((_i + 1))
        record=$(sed -n 7p "$w/03/$_name.txt")
        printf '%s' "$record" >"$tmp/record"
        _sig=$(field "$w/03/$_name.txt" 6 signature)
        in_force "$_index"
        keep 3 "key-$_i" "$(field "$w/03/$_name.txt" 5 authority)" \
            "$(decode "${_sig#*:}" | tohex)" - "$listed" "$tmp/record"
    done <"$w/keys"
    _i=1
    while [ $_i -lt "$entries" ]; do
        change $_i $((_i + 1))
        _i=$((_i + 1))
    done
}
in_force() { # INDEX: the policy then, as $listed in folder 03 and $force here; before any: empty
    listed=policy.txt force=$w/03/policy.txt
    [ "$entries" != 0 ] || return 0
    force='' _s=0
    while read -r _p _; do
        [ "$_p" -lt "$1" ] && _s=$((_s + 1)) && force=$w/policy-$_s
    done <"$w/policies"
    [ $_s = 0 ] || [ $_s = "$entries" ] || listed=policy-$_s.txt
}
change() { # SERIAL NEXT: the log signatures of the policy before, in its order
    : >"$tmp/lines"
    _k=0
    for _member in $(sed -n 's/^group members [0-9]* //p' "$w/policy-$1"); do
        _k=$((_k + 1))
        _log=$(sed -n 's/^log //p' "$w/policy-$1" | sed -n "${_k}p")
        _id=${_log#*+} && _id=${_id%%+*}
        while read -r _dash _name _b; do
            _p=$(decode "$_b" | tohex)
            [ "${_p%"${_p#????????}"}" = "$_id" ] || continue
            keep 5 "policy-$2-$_member" "ed25519:$(raw_key "$_log")" "${_p#????????}" 01 \
                "policy-$1.txt" "$w/body-$2"
            say "— $_name $_b" >>"$tmp/lines"
            [ "$(printf '%s' "$_p" | unhex | base64 -w 0)" = "$_b" ] || malformed 'base64'
            break
        done <"$w/signed-$2"
    done
    cp "$tmp/lines" "$w/signers-$2"
}
raw_key() { # VKEY, NAME+ID+BASE64 of the type and the key: the key in base64
    _vkey=${1#*+}
    decode "${_vkey#*+}" | tail -c +2 | base64 -w 0
}

note() { # checkpoint|later STEM: body, seals and signatures of a signed note
    _note=$w/03/$1.note faults=''
    sed -n 1,3p "$_note" >"$w/03/$1.txt"
    here=$(sed -n '1{p;q;}' "$_note")
    tree=$(sed -n '2{p;q;}' "$_note") _h=$(decode "$(sed -n '3{p;q;}' "$_note")" | tohex)
    is_number "$tree" && is_hash "$_h" && [ "$tree" -gt 0 ] || { malformed "$1" && return; }
    printf '%s\n%s\n%s\n\n' "$here" "$tree" "$(printf '%s' "$_h" | unhex | base64 -w 0)" \
        >"$tmp/note"
    if [ "$1" = checkpoint ]; then
        size_of_tree=$tree root_of_tree=$_h chain=$here
    else
        later_size=$tree later_root=$_h later_chain=$here
    fi
    : >"$w/$1-times" && : >"$w/$1-names"
    _place=0 _far=0
    sed 1,4d "$_note" >"$tmp/lines"
    while IFS= read -r _line; do
        _rest=${_line#"— "}
        _name=${_rest%% *} _p=$(decode "${_rest#* }" | tohex)
        say "— $_name $(printf '%s' "$_p" | unhex | base64 -w 0)" >>"$tmp/note"
        _id=${_p%"${_p#????????}"} _p=${_p#????????}
        _place=$((_place + 1))
        if [ $_place = 1 ]; then
            published "$2" "$1"
        elif grep -Fxq -- "$_name" "$w/$1-names"; then
            further "$2" "$1"
        else
            seal "$2" "$1"
        fi
    done <"$tmp/lines"
    cmp -s "$tmp/note" "$_note" || malformed "$1 is not spelled as it must be"
    sealed=$(grep -c '' "$w/$1-times")
    [ "$sealed" -ge "$quorum" ] || faults="$faults too few: $sealed of $quorum"
    say "$faults" >"$w/$1-faults"
}
published() {
    _log=$(grep '^log ' "$w/03/policy.txt" | grep -F "log $here+$_id+" | head -n 1)
    if [ -z "$_log" ] || [ "$_name" != "$here" ] || [ ${#_p} != 128 ]; then
        faults="$faults published by nobody of the policy;"
        return
    fi
    _k=$(grep '^log ' "$w/03/policy.txt" | grep -nFx -- "$_log")
    _member=$(printf '%s' "$members" | cut -d ' ' -f "${_k%%:*}")
    keep 5 "${1}published-$_member" "ed25519:$(raw_key "$_log")" "$_p" 01 policy.txt \
        "$w/03/$2.txt"
}
seal() {
    say "$_name" >>"$w/$2-names"
    _member=${_name#"$here/"} _t=${_p%"${_p#????????????????}"}
    case $_t in 000000*) _t=$((0x$_t)) ;; *) malformed 'a time of a seal' && return ;; esac
    say "$_member $_t" >>"$w/$2-times"
    _vkey=$(grep -F "witness $_member $_name+" "$w/03/policy.txt" | head -n 1)
    _k=0
    for _m in $members; do
        _k=$((_k + 1)) && [ "$_m" = "$_member" ] && break
    done
    if [ -z "$_vkey" ] || [ ${#_p} != 144 ] || [ $_k -le $_far ]; then
        faults="$faults a seal by nobody of the policy, or out of order;"
        return
    fi
    case $_vkey in *"+$_id+"*) ;; *) faults="$faults a seal by another key;" ;; esac
    _far=$_k
    { printf 'cosignature/v1\ntime %s\n' "$_t" && cat "$w/03/$2.txt"; } >"$tmp/message"
    keep 5 "${1}seal-$_member" "ed25519:$(raw_key "$_vkey")" "${_p#????????????????}" 04 \
        policy.txt "$tmp/message"
}
further() {
    _member=${_name#"$here/"} _t=$(grep -F -- "$_member " "$w/$2-times" | head -n 1)
    _t=${_t#* } _found=''
    grep "^key $_member " "$w/03/members.txt" >"$tmp/keys"
    while read -r _ _ _key; do
        _alg=${_key%%:*}
        _own=$({ printf '%s\n\377cunzheng/%s/v1' "$_name" "$_alg" && decode "${_key#*:}"; } | sum)
        [ "${_own%"${_own#????????}"}" = "$_id" ] && _found=$_key && break
    done <"$tmp/keys"
    if [ -z "$_found" ] || [ "$(printf '%016x' "${_t:-0}")" != "${_p%"${_p#????????????????}"}" ]; then
        faults="$faults a further signature by no key of the members;"
        return
    fi
    _k=$(grep -nF "key $_member $_found" "$w/03/members.txt")
    _k=${_k%%:*} && _k=$((1000 + ${_k:-0}))
    [ $_k -gt $_far ] || faults="$faults further signatures out of order;"
    _far=$_k
    { printf 'cosignature/v1\ntime %s\n' "$_t" && cat "$w/03/$2.txt"; } >"$tmp/message"
    keep 5 "$1${_found%%:*}-$_member" "$_found" "${_p#????????????????}" - members.txt "$tmp/message"
}
the_head() {
    _names=$(cut -d ' ' -f 1 "$w/checkpoint-times" | tr '\n' ' ' | sed 's/ $//;s/ /, /g')
    say cunzheng/proof/v1
    say '以下由本文件自身算出，须经核验 Computed from this file itself; verify before relying on it'
    say "存证编号 Evidence number: $NUMBER"
    if [ -n "$seal_s" ]; then
        say "联签时间 Sealed no later than: $(both_times "$seal_s" '')"
    else
        say '联签时间 Sealed no later than: 联签不足 not enough cosignatures'
    fi
    say "区块时间 Block time, by its proposer's clock: $(both_times $((time_ms / 1000)) \
        ".$(printf '%03d' $((time_ms % 1000)))")"
    say "数据项 Item: $item"
    [ ! -f "$w/03/recorded.txt" ] || sed -n 's/^sha256 /SHA-256: /p;s/^sm3 /SM3: /p' "$w/03/recorded.txt"
    say "联签 Cosignatures: $(grep -c '' "$w/checkpoint-times") of $count_members members, quorum $quorum: $_names"
    say "策略指纹 Policy fingerprint: $(fingerprint "$w/03/policy.txt")"
    say "链 Chain: $chain"
    [ "$key" != "$gateway" ] ||
        say '存证主体未自行签名，由网关依据账户认证代为提交 The depositor did not sign; the gateway attested'
    [ "$network" != test ] || say '测试链，不得作为证据 Test network, not to be used as evidence'
    say ''
}

# ---- what is left of folders 03 and 04 once the tree and the seals are known

derive() {
    climb "$(leaf "$w/03/page.bin")" $((item_index / page)) $(((count + page - 1) / page)) \
        "$w/page-hashes" "$w/03/page-path.txt"
    items_reached=$root
    entry_hash=$(leaf "$w/03/entry.txt")
    climb "$entry_hash" "$index" "$size_of_tree" "$w/entry-hashes" "$w/03/entry-path.txt"
    entry_reached=$root astray=''
    cat "$w/keys" "$w/policies" >"$tmp/leaves"
    while read -r _index _name; do
        climb "$(leaf "$w/03/$_name.txt")" "$_index" "$size_of_tree" "$w/$_name-hashes" \
            "$w/03/$_name-path.txt"
        [ "$root" = "$root_of_tree" ] || astray="$astray $_name"
    done <"$tmp/leaves"
    {
        say "number $NUMBER" && say "item-index $item_index" && say "slot $slot"
        say "items-root $items_root" && say "entry-index $index" && say "entry-hash $entry_hash"
        say "tree-size $size_of_tree" && say "root $root_of_tree"
        say "fingerprint $(fingerprint "$w/03/policy.txt")" && say "quorum $quorum"
    } >"$w/03/place.txt"
    later_holds=
    if [ -n "$later" ]; then
        extend "$size_of_tree" "$root_of_tree" "$later_size" "$w/later-hashes" \
            "$w/03/later-consistency.txt"
        [ "$root" = "$later_root" ] && [ "$later_chain" = "$chain" ] && later_holds=yes
    fi
    quorum_json >"$w/04/quorum.json"
}
quorum_json() {
    printf '{"fingerprint":"%s","members":[' "$(fingerprint "$w/03/policy.txt")"
    _comma=
    grep '^member ' "$w/03/members.txt" | sed 's/\\/\\\\/g;s/"/\\"/g' >"$tmp/members"
    while read -r _ _member _kind _who; do
        _t=$(sed -n "s/^$_member //p" "$w/checkpoint-times")
        printf '%s{"cosigned":%s,"kind":"%s","name":"%s","organisation":"%s"%s}' "$_comma" \
            "$([ -n "$_t" ] && printf true || printf false)" "$_kind" "$_member" "$_who" \
            "${_t:+,\"time_s\":$_t}"
        _comma=,
    done <"$tmp/members"
    printf '],"network":"%s","quorum":%s,"tree_size":%s}' "$network" "$quorum" "$size_of_tree"
}
same() { # NUMBER: folders 02 to 04 hold exactly these bytes
    : >"$tmp/same"
    for _dir in 03 04; do
        _there=data/$_dir-$([ $_dir = 03 ] && printf proof || printf signatures)/$1
        for _f in "$w/$_dir"/*; do
            cmp -s "$_f" "$_there/${_f##*/}" || say "$_there/${_f##*/}"
        done
        for _f in "$_there"/*; do
            [ -f "$w/$_dir/${_f##*/}" ] || say "$_f"
        done
    done >>"$tmp/same"
    if [ -f "$w/details.json" ]; then
        cmp -s "$w/details.json" "data/02-record/$1/details.json" || say details.json >>"$tmp/same"
    elif [ -f "data/02-record/$1/details.json" ]; then
        say details.json >>"$tmp/same"
    fi
    [ "$NUMBER" = "$1" ] || say "the proof is of $NUMBER" >>"$tmp/same"
}

certificates_agree() { # NUMBER: the digests in its certificates are those of the proof
    _recorded=$w/03/recorded.txt
    [ -f "$_recorded" ] || _recorded=/dev/null
    _digests=$(sort "$_recorded" | sed '/^size /d;s/^\(.*\) \(.*\)$/"\1":"\2"/' | tr '\n' ,)
    [ -z "$_digests" ] || _digests="\"digests\":{${_digests%,}}$LF"
    _main=$(sort "$_recorded" | sed -n '/^size /d;s/^.* //p' | sed 1q)
    _json=data/00-certificate/certificate.json
    if [ "$numbers" = "$1" ]; then
        [ ! -f $_json ] || of_this "$1" $_json
    elif [ -f $_json ] && [ "$(evidence_numbers $_json)" != "$numbers" ]; then
        _place=$(say "$numbers" | sed -n "/^$1\$/=")
        [ "$(grep -oE '"main_digest":"[^"]*"' $_json | sed -n "${_place}p")" = "\"main_digest\":\"${_main:-$item}\"" ] ||
            bad 'certificate.json is of other data'
    fi
    _f=$(grep -F "_$1." "$tmp/exhibits")
    [ ! -f "$_f" ] || of_this "$1" "$_f"
}
of_this() { # NUMBER FILE: its certificate has these digests, and each once
    _want="$_digests\"evidence_no\":\"$1\"$LF\"item\":\"$item\""
    [ "$(grep -oE '"evidence_no":"[^"]*"|"(digests|item)":\{[^{}]*\}' "$2" |
        sed 's/^"item":{.*"value":\("[^"]*"\)}$/"item":\1/')" = "$_want" ] || bad "$2 is of other data"
}

# ---- (1) to (6), of one deposit

file_gives_item() { # ORIGINAL FILE: the one enclosed and the one in hand, as far as there are such
    begin 1
    if [ -n "$opening" ] && [ "$(sum <"$w/03/opening.bin")" != "$item" ]; then
        bad 'the opening does not give the item (02/proof.txt, 03/opening.bin)'
    fi
    [ -n "$1$2" ] || skip 'no file to compare'
    for _f in "$@"; do
        [ -n "$_f" ] || continue
        if [ -f "$w/03/recorded.txt" ]; then
            compare "$_f"
        else
            skip 'the proof has no opening to compare the file with'
            uncompared=yes
        fi
    done
    end '文件与存证时的数据相同' 'the file gives the item'
}
compare() { # FILE: all its digests and its size are those recorded
    {
        say "sha256 $(sha256sum <"$1" | cut -c1-64)"
        say "sm3 $(openssl dgst -sm3 -r <"$1" | cut -c1-64)"
        say "size $(wc -c <"$1" | tr -d ' ')"
    } >"$tmp/digests"
    while read -r _alg _h; do
        grep -Fxq "$_alg $_h" "$tmp/digests" && continue
        bad "the $_alg of $(shown "$1") is not $_h"
        differs=yes
    done <"$w/03/recorded.txt"
}
item_in_statement() {
    begin 2
    [ "$items_reached" = "$items_root" ] || bad 'the page does not lead to items_root'
    end '数据项在存证单内' "the item is in the statement, under $NUMBER"
}
keys_signed() {
    begin 3
    for _b in $(hold 3); do bad "the signature 04/$_b does not hold"; done
    in_force "$index"
    [ -z "$force" ] || suites "$key" "$gateway"
    _before=0 _i=0
    : >"$tmp/serials"
    while read -r _index _name; do
        _i=$((_i + 1)) _e=$w/03/$_name.txt
        [ "$_index" -gt "$_before" ] && [ "$_index" -lt "$index" ] || bad "$_name out of order"
        _before=$_index
        record_of "$_e" || { bad "$_name is no key record" && continue; }
        in_force "$_index"
        _by=$(field "$_e" 5 authority)
        if [ -n "$force" ] && grep -Fxq "#cunzheng authority $_by" "$force"; then
            suites "$_by" "$r_key" ${r_successor:+"$r_successor"}
        else
            bad "$_name is not by an authority of $listed"
        fi
        if [ "$r_key" = "$key" ] || [ "$r_key" = "$gateway" ]; then
            _n=$(($(grep -cFx "$r_key" "$tmp/serials") + 1))
            [ "$r_serial" = $_n ] || bad "a record before $_name is left out"
            say "$r_key" >>"$tmp/serials"
        fi
        case $astray in *" $_name"*) bad "$_name does not lead to the root" ;; esac
    done <"$w/keys"
    standing "$key"
    [ -n "$roles" ] || skip "signed by $key, owner not checked"
    case $roles in *' member '*) skip "signed by $key, a member's" ;; esac
    [ "$key" = "$gateway" ] || standing "$gateway"
    case $roles in *' gateway '*) ;; *) skip "gateway $gateway, owner not checked" ;; esac
    end '密钥已登记并签名，网关签发了接收凭证' 'the key signed and was enrolled, and the gateway its receipt'
}
suites() { # KEY...: the rules of $force take them
    [ "$(field "$force" 3 '#cunzheng rules')" = 1 ] || return 0
    for _k in "$@"; do
        [ "${_k%%:*}" = ed25519 ] || bad "a key of ${_k%%:*} under rules 1"
    done
}
record_of() { # ENTRY(file): its key record in r_*
    record=$(sed -n 7p "$1")
    _k='[a-z0-9]+:[A-Za-z0-9+/=]+' _n='(0|[1-9][0-9]{0,15})'
    _r="\"action\":\"(enrol|rotate|revoke)\",\"effective\":$_n,\"key\":\"$_k\""
    _r="$_r,\"origin\":\"[a-z0-9._/-]+\",\"role\":\"[a-z]+\",\"serial\":$_n(,\"successor\":\"$_k\")?"
    printf '%s' "$record" | grep -qE "^cunzheng/key/v1 \{$_r\}\$" || return 1
    r_action=$(in_json "$record" action) r_effective=$(in_json "$record" effective)
    r_key=$(in_json "$record" key) r_role=$(in_json "$record" role)
    r_serial=$(in_json "$record" serial) r_successor=$(in_json "$record" successor)
    r_origin=$(in_json "$record" origin)
}
standing() { # KEY: its roles when the block was made
    roles=
    while read -r _index _name; do
        record_of "$w/03/$_name.txt" && [ "$r_effective" -le "$time_ms" ] || continue
        if [ "$r_key" = "$1" ] && [ "$r_action" != enrol ]; then
            bad "$1 had been revoked or replaced"
        fi
        [ "$r_action" = enrol ] && r_successor=$r_key
        [ "$r_successor" = "$1" ] && roles="$roles $r_role "
    done <"$w/keys"
}
entry_in_tree() {
    begin 4
    [ "$entry_reached" = "$root_of_tree" ] || bad 'the entry does not lead to the root'
    _log=$(sed -n '/^log /{s/^log //;s/+.*$//p;q;}' "$w/03/policy.txt")
    [ "$origin/$_log" = "$chain/$chain" ] || bad 'its parts are of different chains'
    while read -r _index _name; do
        record_of "$w/03/$_name.txt" && [ "$r_origin" != "$chain" ] && bad "$_name is of $r_origin"
    done <"$w/keys"
    end '存证记录在检查点的树内' 'the statement is in the entry, the entry in the tree'
}
quorum_sealed() {
    begin 5
    _p=$(fingerprint "$w/03/policy.txt")
    _s=1 _known=no
    [ "$_p" = "$trusted" ] && _known=yes
    while [ $_s -le "$entries" ]; do
        [ "$(fingerprint "$w/policy-$_s")" = "$trusted" ] && _known=yes
        _s=$((_s + 1))
    done
    if [ -z "$trusted" ]; then
        skip 'no policy fingerprint from outside'
    elif [ $_known = no ]; then
        bad "the policy is $_p, another than the one from outside"
    fi
    [ "$(field "$w/03/policy.txt" 6 '#cunzheng members')" = "$(sum <"$w/03/members.txt")" ] ||
        bad 'members.txt is not the one the policy names'
    [ "$entries" = 0 ] || policies_follow
    for _b in $(hold 5); do bad "the signature 04/$_b does not hold"; done
    for _part in checkpoint ${later:+later}; do
        [ -z "$(cat "$w/$_part-faults")" ] || bad "$_part:$(cat "$w/$_part-faults")"
    done
    [ -z "$later" ] || [ -n "$later_holds" ] || bad 'the later checkpoint does not extend this one'
    end "$(grep -c '' "$w/checkpoint-times") 家成员联签，最低 $quorum 家，策略与外部指纹一致" \
        "a quorum of the policy named from outside sealed the tree"
}
policies_follow() {
    cmp -s "$w/policy-$entries" "$w/03/policy.txt" && cmp -s "$w/members-$entries" \
        "$w/03/members.txt" || bad 'the last policy entry has another policy'
    _s=0 _before=0
    while read -r _index _name; do
        _s=$((_s + 1)) _note=$w/note-$_s
        [ $_s != 1 ] || [ "$_index" = 1 ] || bad 'the first policy is not at leaf 1'
        [ "$_index" -gt $_before ] || bad 'policy entries out of order'
        _before=$_index
        case $astray in *" $_name"*) bad "$_name does not lead to the root" ;; esac
        [ "$(field "$_note" 2 origin)" = "$chain" ] || bad "$_name is of another chain"
        [ "$(field "$_note" 3 serial)/$(field "$w/policy-$_s" 4 '#cunzheng serial')" = $_s/$_s ] ||
            bad "$_name has another serial"
        [ "$(field "$w/policy-$_s" 6 '#cunzheng members')" = "$(sum <"$w/members-$_s")" ] ||
            bad "the members of $_name"
        [ $_s = 1 ] || follows $((_s - 1)) $_s
    done <"$w/policies"
    [ "$size_of_tree" -gt $((_before + 1)) ] || bad 'sealed before this policy governed'
}
follows() { # SERIAL NEXT
    [ "$(field "$w/note-$2" 4 previous)" = "$(sum <"$w/policy-$1")" ] || bad "policy $2 follows another"
    [ "$(sed -n 2p "$w/policy-$1")" = "$(sed -n 2p "$w/policy-$2")" ] || bad 'another network'
    _old=$(field "$w/policy-$1" 3 '#cunzheng rules') _new=$(field "$w/policy-$2" 3 '#cunzheng rules')
    is_number "$_old" && is_number "$_new" && [ "$_old" -le "$_new" ] || bad "policy $2 lowers the rules"
    cmp -s "$w/signers-$2" "$w/signed-$2" || bad "policy $2 is signed by others"
    _q=$(sed -n 's/^group members \([0-9]*\) .*/\1/p' "$w/policy-$1")
    is_number "$_q" && [ "$(grep -c '' "$w/signers-$2")" -ge "$_q" ] || bad "policy $2 is signed by too few"
}
times_agree() {
    begin 6
    if [ -n "$seal_s" ]; then
        _d=$((time_ms - seal_s * 1000))
        [ ${_d#-} -le $((skew + 1000)) ] || skip 'block and seal time do not agree'
    fi
    [ "$accepted" -le $((time_ms + skew)) ] || skip 'accepted after the block'
    end '区块时间、联签时间、接收时间相符' 'the times agree'
}

# ---- (7) and (8)

reach() { # the sizes whose bodies contain this deposit's tree, smallest first, in $tmp/sizes-here
    : >"$tmp/sizes-here" && contradicted=''
    sed -n 's,^data/05-timestamps/\([0-9]*\)\.body$,\1,p' "$tmp/payload" | sort -n >"$tmp/bodies"
    while read -r _size; do
        _body=data/05-timestamps/$_size.body
        _from=$(sed -n 1p "$_body") _h=$(decode "$(sed -n 3p "$_body")" | tohex)
        printf '%s\n%s\n%s\n' "$_from" "$_size" "$(printf '%s' "$_h" | unhex | base64 -w 0)" |
            cmp -s - "$_body" && is_hash "$_h" || { contradicted=$_size && continue; }
        [ "$_size" -ge "$size_of_tree" ] && [ "$_from" = "$chain" ] || continue
        if [ "$_size" = "$size_of_tree" ]; then
            cmp -s "$_body" "$w/03/checkpoint.txt" || { contradicted=$_size && continue; }
        else
            _way=data/05-timestamps/consistency-$size_of_tree-$_size.txt
            [ -f "$_way" ] || continue
            consistent "$_way" "$_size" "$_h" || { contradicted=$_size && continue; }
        fi
        say "$_size" >>"$tmp/sizes-here"
    done <"$tmp/bodies"
}
consistent() { # FILE SIZE ROOT
    _want=$3
    grep -qvE '^[=LR] [0-9a-f]{64}$' "$1" && return 1
    _n=$size_of_tree
    while [ $((_n & 1)) = 0 ]; do _n=$((_n >> 1)); done
    cut -c3- "$1" >"$tmp/way"
    [ "$_n" != 1 ] || { sed 1d "$tmp/way" >"$tmp/way-1" && mv "$tmp/way-1" "$tmp/way"; }
    extend "$size_of_tree" "$root_of_tree" "$2" "$tmp/way" "$tmp/way-written"
    [ "$root" = "$_want" ] && cmp -s "$tmp/way-written" "$1"
}
timestamp() {
    begin 7
    stamp_s=0
    [ -z "$contradicted" ] || bad "$contradicted.body does not go with this deposit's checkpoint"
    _found=
    while read -r _size; do
        [ -f "data/05-timestamps/$_size.tsr" ] && _found=$_size && break
    done <"$tmp/sizes-here"
    if [ -z "$_found" ]; then
        skip 'O08 no timestamp reaches this deposit'
    elif [ ! -s "$tmp/tsa-roots.pem" ]; then
        skip 'O14 a timestamp, but no root of its authority from outside'
    else
        _data=data/05-timestamps/$_found.body _token=data/05-timestamps/$_found.tsr
        openssl ts -reply -in "$_token" -text >"$tmp/token" 2>/dev/null
        set -- $(sed -n 's/^Time stamp: \(.*\) GMT$/\1/p' "$tmp/token" | tr ':' ' ')
        if [ $# = 6 ]; then
            stamp_s=$(seconds_of "$6" "$1" "$2" "$3" "$4" "${5%%.*}")
            set -- -data "$_data" -in "$_token" -CAfile "$tmp/tsa-roots.pem" -attime "$stamp_s"
            [ ! -s "$tmp/enclosed.pem" ] || set -- "$@" -untrusted "$tmp/enclosed.pem"
        fi
        if [ "$stamp_s" = 0 ] || ! openssl ts -verify "$@" >/dev/null 2>&1; then
            bad "$_found.tsr does not hold, or leads to no root from outside" && stamp_s=0
        fi
        openssl ts -reply -in "$_token" -token_out 2>/dev/null |
            openssl pkcs7 -inform DER -print_certs >"$tmp/token-certs" 2>/dev/null
        revoked "$tmp/token-certs" "$stamp_s"
        grep -Fq 2.25.147692497332295152778561343463042897939 "$tmp/token" &&
            points="$points O03"
        [ $((stamp_s * 1000 + 1000 + skew)) -ge "$time_ms" ] || points="$points O15"
    fi
    end '可信时间戳有效，证书链止于外部根证书' "the timestamp holds, to a root from outside$(
        [ "$stamp_s" = 0 ] || printf ' (%s)' "$(both_times "$stamp_s" '')"
    )"
}
signatures() {
    begin 8
    _at=${seal_s:-0}
    [ "$stamp_s" -le "$_at" ] || _at=$stamp_s
    _found=
    while read -r _size; do
        _sig=data/04-signatures/platform/$_size.body
        { [ -f "$_sig.p7s" ] || [ -f "$_sig.sm2.sig" ]; } && _found=$_size && break
    done <"$tmp/sizes-here"
    if [ -z "$_found" ]; then
        skip 'no signature of the platform over a checkpoint'
    else
        both "data/05-timestamps/$_found.body" "$_sig" "$_at"
    fi
    end '平台对检查点的双签名有效' "the platform's two signatures of a checkpoint hold"
}
both() { # MESSAGE STEM SECONDS
    for _kind in p7s sm2.sig; do
        if [ ! -f "$2.$_kind" ]; then
            skip "there is no ${2##*/}.$_kind"
        elif [ ! -s "$tmp/platform-roots.pem" ]; then
            skip "no root of the platform from outside for ${2##*/}.$_kind"
        elif [ $_kind = p7s ]; then
            cms "$1" "$2.p7s" "$3"
        else
            raw_sm2 "$1" "$2.sm2.sig" "$3"
        fi
    done
}
cms() { # MESSAGE SIGNATURE SECONDS
    _sig=$2 _when=$3
    set -- -verify -binary -inform DER -in "$2" -content "$1" -CAfile "$tmp/platform-roots.pem" \
        -no-CApath -no-CAstore -purpose any -attime "$3" -signer "$tmp/signer.pem" -out /dev/null
    [ ! -s "$tmp/enclosed.pem" ] || set -- "$@" -certfile "$tmp/enclosed.pem"
    if openssl cms "$@" >/dev/null 2>&1 && may_sign "$tmp/signer.pem"; then
        revoked "$tmp/signer.pem" "$_when"
    else
        bad "${_sig##*/} does not hold, or leads to no root from outside"
    fi
}
may_sign() { # CERTIFICATE: its key usage, if it has one, is signing
    _use=$(openssl x509 -in "$1" -noout -ext keyUsage 2>/dev/null)
    case $_use in *'Key Usage'*) ;; *) return 0 ;; esac
    case $_use in *'Digital Signature'* | *'Non Repudiation'*) ;; *) return 1 ;; esac
}
raw_sm2() { # MESSAGE SIGNATURE SECONDS
    for _pem in "$tmp"/certificate-*.pem; do
        openssl x509 -in "$_pem" -noout -pubkey >"$tmp/pub.pem" 2>/dev/null || continue
        openssl dgst -sm3 -verify "$tmp/pub.pem" -sigopt distid:1234567812345678 -signature "$2" \
            "$1" >/dev/null 2>&1 || continue
        if may_sign "$_pem" && leads "$_pem" "$3" 1; then
            revoked "$_pem" "$3"
        else
            bad "${2##*/} holds, but its certificate leads to no root from outside"
        fi
        return
    done
    bad "${2##*/} does not hold"
}
leads() { # CERTIFICATE SECONDS DEPTH: to a root from outside, one issuer at a time
    sm2_issued "$tmp/platform-roots.pem" "$2" "$1" && return 0
    [ "$3" -lt 5 ] || return 1
    for _ca in "$tmp"/certificate-*.pem; do
        if [ "$_ca" != "$1" ] && sm2_issued "$_ca" "$2" "$1" -partial_chain; then
            (leads "$_ca" "$2" $(($3 + 1))) && return 0
        fi
    done
    return 1
}
sm2_issued() { # ISSUER(file) SECONDS CERTIFICATE [OPTION]: openssl takes the id for one step only
    openssl verify -vfyopt distid:1234567812345678 -no-CApath -no-CAstore -attime "$2" ${4:+"$4"} \
        -CAfile "$1" "$3" >/dev/null 2>&1
}
revoked() { # CERTIFICATES(file) SECONDS: by name and number on no list from outside before then,
    # and no authority enclosed is
    [ -s "$tmp/crl.txt" ] || return 0
    _used=$2
    split_pem "$1" "$tmp/asked-"
    for _asked in "$tmp"/asked-*.pem "$tmp"/certificate-*.pem; do
        [ -f "$_asked" ] || continue
        case $_asked in
        "$tmp/certificate-"*) openssl x509 -in "$_asked" -noout -text | grep -q CA:TRUE || continue ;;
        esac
        _who=$(openssl x509 -in "$_asked" -noout -issuer 2>/dev/null | sed 's/^issuer=//')
        _serial=$(openssl x509 -in "$_asked" -noout -serial | sed 's/^serial=//')
        while IFS='|' read -r _issuer _number _date; do
            [ "$_issuer" = "$_who" ] && [ "$_number" = "$_serial" ] || continue
            set -- $(say "$_date" | sed 's/:/ /g;s/ GMT$//')
            [ $# = 6 ] && [ "$(seconds_of "$6" "$1" "$2" "$3" "$4" "$5")" -gt "$_used" ] ||
                bad 'revoked before it was used'
        done <"$tmp/crl.txt"
    done
    rm -f "$tmp"/asked-*.pem
}
split_pem() { # FILE STEM: every certificate of a PEM file as STEM000.pem, STEM001.pem, ...
    _n=100 _out=''
    while IFS= read -r _l || [ -n "$_l" ]; do
        case $_l in *-----BEGIN\ CERTIFICATE-----*) _out=$2$_n.pem && _n=$((_n + 1)) ;; esac
        [ -z "$_out" ] || say "$_l" >>"$_out"
        case $_l in *-----END\ CERTIFICATE-----*) _out='' ;; esac
    done <"$1"
}

# ---- what came from elsewhere

anchors() {
    trusted=
    : >"$tmp/tsa-roots.pem" && : >"$tmp/platform-roots.pem" && : >"$tmp/crl.txt"
    [ -n "${ROOTS:-}" ] || return 0
    [ -d "$ROOTS" ] || refuse "ROOTS=$ROOTS 不是目录 is not a directory"
    ROOTS=$(cd "$ROOTS" && pwd -P) || exit 2
    case $ROOTS/ in "$bundle"/*) refuse "ROOTS 在证据包之内，不能作为信任锚 lies in the bundle" ;; esac
    if [ -f "$ROOTS/policy-fingerprint.txt" ]; then
        trusted=$(grep -v '^#' "$ROOTS/policy-fingerprint.txt" | tr -d ' \t\r\n-' | tr '[:lower:]' '[:upper:]')
        say "$trusted" | grep -qE '^[A-Z2-7]{32}$' ||
            refuse 'policy-fingerprint.txt 中应恰有一个策略指纹 must have one fingerprint'
        trusted=$(say "$trusted" | sed 's/..../&-/g;s/-$//')
    fi
    for _pem in "$ROOTS"/*.pem; do
        [ -f "$_pem" ] || continue
        case ${_pem##*/} in tsa*) ;; *) cat "$_pem" >>"$tmp/platform-roots.pem" ;; esac
        case ${_pem##*/} in platform*) ;; *) cat "$_pem" >>"$tmp/tsa-roots.pem" ;; esac
        if grep -q 'BEGIN X509 CRL' "$_pem"; then
            openssl crl -in "$_pem" -noout -text >"$tmp/crl" || refuse "$_pem"
            _issuer=$(openssl crl -in "$_pem" -noout -issuer | sed 's/^issuer=//')
            sed -n "/Serial Number: /{s/^.*: //;h;};/Revocation Date: /{s/^.*Date: //;s/ GMT\$//;H;x;s/\n/|/p;}" \
                "$tmp/crl" | sed "s@^@$(say "$_issuer" | sed 's/[@&\\]/\\&/g')|@" >>"$tmp/crl.txt"
        fi
    done
}
enclosed() { # certificates to build chains with; a copy of a root is only there to be looked at
    : >"$tmp/enclosed.pem"
    for _pem in data/06-certificates/*.pem; do
        case ${_pem##*/} in root-copy-* | '*.pem') continue ;; esac
        split_pem "$_pem" "$tmp/certificate-${_pem##*/}-"
    done
    for _pem in "$tmp"/certificate-*.pem; do
        [ -f "$_pem" ] && openssl x509 -in "$_pem" -noout 2>/dev/null &&
            cat "$_pem" >>"$tmp/enclosed.pem"
    done
}

# ---- all of it

deposit() { # NUMBER ORIGINAL FILE
    differs='' points="O02 $unchecked"
    say '' && say "$1"
    begin 0
    if [ -f "data/02-record/$1/proof.txt" ]; then
        take_apart "$1"
    else
        unread='there is no proof'
    fi
    if [ -z "$unread" ]; then
        derive
        same "$1"
        while read -r _b; do bad "not what the proof gives: $_b"; done <"$tmp/same"
        certificates_agree "$1"
    fi
    [ -z "$unread" ] || bad "proof.txt cannot be read: $unread"
    end '供通用工具使用的文件均由证明文件得出' 'folders 02 to 04 are what the proof gives'
    [ -z "$unread" ] || return
    file_gives_item "$2" "$3"
    item_in_statement
    keys_signed
    entry_in_tree
    quorum_sealed
    times_agree
    reach
    timestamp
    signatures
    [ "$network" != test ] || points="$points O05"
    [ "$key" != "$gateway" ] || points="$points O01"
    later_events "$1"
    [ -z "$seal_s" ] || say "${margin}不晚于 no later than $(both_times "$seal_s" '')"
    say "${margin}待审查事项 open points:$(printf ' %s\n' $points | sort -u | tr -d '\n')"
    grade
}
later_events() {
    [ -f data/08-custody/events.jsonl ] || return 0
    grep -F "\"evidence_no\":\"$1\"" data/08-custody/events.jsonl >"$tmp/events"
    ! grep -q '"type":"correction"' "$tmp/events" || points="$points O10"
    ! grep -q '"type":"invalidation"' "$tmp/events" || points="$points O11"
}
grade() { # of this deposit: the file, or the proof
    if [ -n "$differs" ] && ! grep -q '^[02345678] FAIL' "$tmp/results"; then
        code_file=20
    fi
    cat "$tmp/results" >>"$tmp/all" && : >"$tmp/results"
}
original() { # NUMBER: the one enclosed, if there is one
    grep -E "^data/01-evidence/[0-9]{3}_$1\.bin\$" "$tmp/payload"
}
in_hand() { # NUMBER NO=FILE...: the file brought along for it
    _no=$1
    shift
    for _f in "$@"; do
        case $_f in "$_no="*) say "${_f#*=}" && return ;; esac
    done
}
main() {
    command -v openssl xxd sha256sum base32 base64 sed grep >/dev/null || refuse 'tools are missing' 80
    case $(openssl version 2>/dev/null) in
    'OpenSSL '[3-9]*) ;;
    *) refuse '需要 OpenSSL 3 或更高版本 OpenSSL 3 or newer is needed' 80 ;;
    esac
    case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
    case ${1:-=} in *=*) bundle=$here/../.. ;; *) bundle=$1 && shift ;; esac
    [ -f "$bundle/bagit.txt" ] || refuse "$bundle 不是证据包目录（ZIP 请先解压） is no unpacked bundle"
    bundle=$(cd "$bundle" && pwd -P) || exit 2
    tmp=$(mktemp -d) || exit 2
    trap 'rm -rf "$tmp"' EXIT
    trap 'exit 2' HUP INT TERM
    margin='' differs='' uncompared='' unchecked='' code_file=0
    : >"$tmp/results" && : >"$tmp/all"
    anchors
    for _f in "$@"; do
        case $_f in EV*=/*) ;; EV*=*) set -- "$@" "${_f%%=*}=$PWD/${_f#*=}" ;; *) refuse "$_f" ;; esac
        case $_f in EV*=/*) set -- "$@" "$_f" ;; esac
        shift
        _p=${_f#*=}
        [ -f "$_p" ] && [ -r "$_p" ] || refuse "$_p 无法读取 cannot be read"
    done
    cd "$bundle" || exit 2
    say "证据包 Bundle: $(shown "$bundle")"
    package
    if [ -z "$usable" ]; then
        say '1-8 NOT CHECKED  证据包不完整 the package cannot be used'
        exit 30
    fi
    say "contents-sha256.txt SHA-256: $(sum <data/00-certificate/contents-sha256.txt)"
    enclosed
    certificate
    grade
    margin='  '
    for no in $numbers; do deposit "$no" "$(original "$no")" "$(in_hand "$no" "$@")"; done
    conclude
}
certificate() { # (8) of the package
    begin 8
    if [ -f data/00-certificate/certificate.json ]; then
        _f=data/00-certificate/certificate.json
        { [ -f $_f.p7s ] || [ -f $_f.sm2.sig ]; } && [ -s "$tmp/platform-roots.pem" ] || unchecked=O16
        both $_f $_f "$(issued)"
    else
        skip 'there is no certificate.json'
    fi
    [ ! -f data/00-certificate/certificate.pdf ] || paper "$(issued)"
    end '平台对存证证书的签名有效' "the platform's signatures of the certificate hold"
}
issued() { # the time in the bundle's name, in seconds
    _t=${name##*_} && _t=${_t%%-*}
    set -- "${_t%%T*}" "${_t##*T}"
    seconds_of $(printf '%s' "$1$2" | sed 's/\(....\)\(..\)\(..\)\(..\)\(..\)\(..\)Z/\1 \2 \3 \4 \5 \6/')
}
paper() { # SECONDS: the signature inside certificate.pdf, over all of it but the place where it stands
    _pdf=data/00-certificate/certificate.pdf _n='[1-9][0-9]{0,9}' _when=$1
    _marks=$(grep -aoE '/ByteRange|/ETSI\.CAdES\.detached' $_pdf | sort | tr -d '\n')
    if [ -z "$_marks" ]; then
        unchecked=O16
        skip 'certificate.pdf is not signed: what its pages say was not checked' && return
    fi
    set -- $(grep -aoE "/ByteRange \\[0 $_n $_n $_n\\]" $_pdf | sed 's/^.*\[0 //;s/\]$//')
    if [ "$_marks/$#" != /ByteRange/ETSI.CAdES.detached/3 ] || [ "$1" -ge "$2" ]; then
        bad 'the signature in certificate.pdf is damaged, or not its only one' && return
    elif [ $(($2 + $3)) != "$(wc -c <$_pdf | tr -d ' ')" ]; then
        bad 'the signature in certificate.pdf does not cover the whole file' && return
    fi
    head -c "$2" $_pdf | tail -c +$(($1 + 1)) >"$tmp/gap"
    _hex=$(tr -cd '0-9A-Fa-f' <"$tmp/gap")
    _size=$((4 + 0x0$(printf '%s' "$_hex" | cut -c5-8)))
    if ! printf '<%s>' "$_hex" | cmp -s - "$tmp/gap" || [ ${#_hex} -lt $((2 * _size)) ] ||
        ! printf '%s' "$_hex" | grep -qxE '3082(([0-9a-f]{2})+|([0-9A-F]{2})+)' ||
        [ -n "$(printf '%s' "$_hex" | cut -c$((2 * _size + 1))- | tr -d 0)" ]; then
        bad 'the signature in certificate.pdf is not spelled as a signer writes it'
    elif [ ! -s "$tmp/platform-roots.pem" ]; then
        unchecked=O16
        skip 'no root of the platform from outside for certificate.pdf'
    else
        { head -c "$1" $_pdf && tail -c "$3" $_pdf; } >"$tmp/pages"
        printf '%s' "$_hex" | cut -c1-$((2 * _size)) | unhex >"$tmp/certificate.pdf"
        cms "$tmp/pages" "$tmp/certificate.pdf" "$_when"
    fi
}
conclude() {
    grade
    code=0
    grep -q 'NOT CHECKED' "$tmp/all" && code=10
    [ -n "$trusted" ] && [ -z "$uncompared" ] || code=80
    grep -q FAIL "$tmp/all" && code=30
    [ $code_file = 0 ] || code=$code_file
    say ''
    case $code in
    0) say '核验结果 Result: 各步骤均通过 every step PASS' ;;
    10) say '核验结果 Result: 没有不成立的步骤，有未核验的步骤 none failed, some NOT CHECKED' ;;
    20) say '核验结果 Result: 文件不是所存证的数据 the file is not the deposited one' ;;
    80) [ -n "$trusted" ] || say '未提供外部策略指纹 no fingerprint from outside'
        say '核验结果 Result: 暂无法核验 could not check' ;;
    *) say '核验结果 Result: 有步骤不成立 a step FAILED' ;;
    esac
    [ $code -gt 10 ] || scope
    exit $code
}
scope() {
    say '所示时间为数据存在的最晚时间。本结果不证明数据上链之前的真实性，不证明其内容真实、合法或与案件相关。'
    say 'Shown is the latest time by which the data existed; not that they were authentic before it,'
    say 'nor that their content is true, lawful or relevant.'
}

main "$@"
