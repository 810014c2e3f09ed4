//! Polarity in Chinese, Japanese and Korean: plain forms only.
//!
//! A sentence is cut at commas and at words that join two statements. In Chinese a denial stands before what it denies
//! ("未见气胸") and reaches to the end of its part; in Japanese and Korean it stands behind ("気胸は認めない", "기흉 없음")
//! and reaches back over a list of parts that state nothing of their own. Doubt and dating colour their whole part.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::Polarity;
use crate::triggers::compile;

/// Words that hold a denial's characters and deny nothing.
static NO_DENIAL: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"(?:无|無|未见|未見|没有|沒有)(?:明显|明顯|显著|顯著|著|有意义|重大)?(?:的)?(?:变化|變化|改变|改變)",
        r"|[无無](?:气肺|氣肺|気肺|名|力|菌|法|功能|机|機|回声|回聲|创|創|痛|脳|脑|腦|信号|信號|エコー)",
        r"|変化(?:は|を|も)?(?:認めない|認めず|みられない|見られない|なし|ない|なく)|(?:변화|변동)(?:는|가|은|이)?\s*없",
    ))
});
static DENIES_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?:均|亦|也|并|並|且)*(?:未见到?|未見到?|未发现|未發現|未显示|未顯示|未提示|未检出|未檢出|未触及|未及|没有|沒有|不伴|不存在|无|無)",
    )
});
static DENIES_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"(?:は|も|が|を)?(?:認めない|認めません|認められない|認められません|認められず|認めず|認めなかった|みとめない|みられない|見られない|みられず|見られず|みられません|見られません|指摘できない|指摘できず|存在しない|ありません|なし|無し)",
        r"|(?:は|も|が)(?:ない|なく|なかった)|(?:は|が)?(?:消失|陰性|阴性|否定的)",
        r"|없(?:음|다|습니다|으며|으나|고|이|는|었음|었다|어)|(?:보이지|관찰되지|확인되지|나타나지|동반되지|인지되지|발견되지|저명하지|있지)(?:는)?\s*않[가-힣]*|음성",
        r"|[（(]\s*[-－−–]\s*[)）]",
    ))
});
static DOUBTS: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"可能|疑似|可疑|疑|考虑|考慮|待排|不除外|不能(?:完全)?(?:排除|除外)|不排除|倾向|傾向|或许|或許|懷疑|怀疑",
        r"|考えられ|(?:否定|除外)でき(?:ない|ず)|かもしれ|示唆|鑑別",
        r"|의심|가능성|추정|(?:배제|제외)(?:할|하기)\s*(?:수\s*없|어려)[가-힣]*|시사|감별",
    ))
});
static DATES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"既往|病史|[^历歷歴]史|曾(?:患|有|行|经|經)|术后|術後|以前|過去に|과거력|기왕력|병력|수술\s*후|술후|이전에|과거에",
    )
});
/// Where a new statement begins, without or with a comma.
static CUTS_BEFORE: LazyLock<Regex> = LazyLock::new(|| compile(r"但是?|然而|不过|不過"));
static CUTS_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"[，,；;、､。｡\n]|(?:る|た|す)(?:が|ものの)|(?:있으|보이|관찰되|확인되)(?:나|며)|(?:있|보이|관찰되)(?:지만|고)|[가-힣](?:지만|으나)",
    )
});
/// What a list goes on over; at every other cut a statement ends, unless it stated nothing (Japanese, Korean).
const LIST_COMMAS: [char; 3] = ['、', '､', ','];
/// The end of a part that states something by itself.
static STATES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?:認め|みられ|見られ|あり|呈し|伴い|示し|存在し|して|であり|です|ます|る|た|ない|なく|ず|なし|が|ものの|있음|있고|있으며|보이며|보이나|있으나|보임|관찰됨|확인됨|지만|없음|없고|없으며|않음|않고|않으며|함|됨)[\s、､，,。｡.]*$|[见見示有]",
    )
});

/// Letters of Chinese, Japanese and Korean writing.
pub(crate) fn is_east_asian(c: char) -> bool {
    matches!(c, '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{323af}')
}

/// Whether a text is in one of these languages: it has such letters, and they are at least a fifth of all (one stands for several
/// of the Latin ones).
pub(crate) fn is_written_so(text: &str) -> bool {
    let (mut east_asian, mut others) = (0_usize, 0_usize);
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        *(if is_east_asian(c) {
            &mut east_asian
        } else {
            &mut others
        }) += 1;
    }
    east_asian > 0 && east_asian * 4 >= others
}

/// Whether these rules judge a sentence: it is written so, or quotes one of these denials among Latin words.
pub(crate) fn judges(text: &str) -> bool {
    is_written_so(text)
        || (text.contains(is_east_asian)
            && (DENIES_AFTER.is_match(text) || DENIES_BEFORE.is_match(text)))
}

/// Clauses of `sentence` in order; `base` holds where no word of denial, doubt or dating reaches.
pub(crate) fn split_clauses(sentence: &str, base: Polarity) -> Vec<(Range<usize>, Polarity)> {
    let parts = parts(sentence);
    let mut judged: Vec<Vec<(Range<usize>, Polarity)>> = Vec::new();
    for part in &parts {
        let (clauses, reaches_back) = judge(sentence, part.clone(), base);
        if reaches_back {
            deny_list_before(sentence, &parts[..judged.len()], &mut judged);
        }
        judged.push(clauses);
    }
    let mut clauses: Vec<(Range<usize>, Polarity)> = Vec::new();
    for (range, polarity) in judged.into_iter().flatten() {
        match clauses.last_mut() {
            Some((last, kept)) if last.end == range.start && *kept == polarity => {
                last.end = range.end;
            }
            _ => clauses.push((range, polarity)),
        }
    }
    clauses
}

/// The list before a part that denies what stands before it: "胸水、気胸は認めない".
fn deny_list_before(
    sentence: &str,
    before: &[Range<usize>],
    judged: &mut [Vec<(Range<usize>, Polarity)>],
) {
    for (part, clauses) in before.iter().zip(judged).rev() {
        let text = &sentence[part.clone()];
        let goes_on = text.trim_end().ends_with(LIST_COMMAS);
        if !goes_on || STATES.is_match(text) {
            return;
        }
        *clauses = vec![(part.clone(), Polarity::Negated)];
    }
}

/// Cuts in order, separators with the part before them. A Chinese list ("气胸、积液") stays one part.
fn parts(sentence: &str) -> Vec<Range<usize>> {
    let mut cuts: Vec<usize> = CUTS_AFTER
        .find_iter(sentence)
        .filter(|cut| !(matches!(cut.as_str(), "、" | "､") && denied_before(sentence, cut.start())))
        .map(|cut| cut.end())
        .chain(CUTS_BEFORE.find_iter(sentence).map(|cut| cut.start()))
        .chain([0, sentence.len()])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// Whether a denial that reaches forward stands between the last comma and `at`: it goes on over the list.
fn denied_before(sentence: &str, at: usize) -> bool {
    let from = sentence[..at]
        .rfind(['，', ',', '；', ';', '。'])
        .unwrap_or_default();
    let part = &sentence[from..at];
    DENIES_AFTER.find_iter(part).any(|denial| {
        let denies = !NO_DENIAL
            .find_iter(part)
            .any(|none| none.start() < denial.end() && denial.start() < none.end());
        denies
            && has_words(&part[denial.end()..])
            && !DENIES_BEFORE.is_match(&part[denial.start()..])
    })
}

/// The clauses of a part, and whether its denial stands behind what it denies.
fn judge(
    sentence: &str,
    part: Range<usize>,
    base: Polarity,
) -> (Vec<(Range<usize>, Polarity)>, bool) {
    let text = &sentence[part.clone()];
    let base = if DOUBTS.is_match(text) {
        Polarity::Uncertain
    } else if DATES.is_match(text) {
        Polarity::Historical
    } else {
        base
    };
    let passed_over: Vec<Range<usize>> = [&*NO_DENIAL, &*DOUBTS]
        .iter()
        .flat_map(|words| words.find_iter(text).map(|found| found.range()))
        .collect();
    let stands = |found: &regex::Match<'_>| {
        !passed_over
            .iter()
            .any(|none| none.start < found.end() && found.start() < none.end)
    };
    if DENIES_BEFORE.find_iter(text).any(|found| stands(&found)) {
        return (vec![(part, Polarity::Negated)], true);
    }
    let Some(denial) = DENIES_AFTER.find_iter(text).find(stands) else {
        return (vec![(part, base)], false);
    };
    if !has_words(&text[denial.end()..]) {
        return (vec![(part, Polarity::Negated)], true);
    }
    let at = part.start + denial.start();
    let mut clauses = vec![(at..part.end, Polarity::Negated)];
    if has_words(&text[..denial.start()]) {
        clauses.insert(0, (part.start..at, base));
    } else {
        clauses[0].0.start = part.start;
    }
    (clauses, false)
}

fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Breaks between the findings of a denied list.
static LIST_BREAK: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"[、､，,；;/。｡\s]+|以及|及び|及|或者?|並び?に|또는|및|([\p{Han}\p{Katakana}ー])[やと和与與]([\p{Han}\p{Katakana}])",
    )
});
static EDGES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^(?:任何|明显|明顯|明确|明確|显著|顯著|的|明らかな|有意な|뚜렷한|명백한|伴|有)+|(?:は|が|も|を|の|的|征象|征|所見|所见)+$",
    )
});
static PARTICLE: LazyLock<Regex> = LazyLock::new(|| compile(r"([가-힣]{2,})[은는이가을를도]$"));

/// The findings that a denying clause of a query names.
pub(crate) fn denied_findings(clause: &str) -> Vec<String> {
    let kept = DENIES_BEFORE.replace_all(clause, "、");
    let kept = DENIES_AFTER.replace_all(&kept, "、");
    // Neighbours joined by one character keep both of theirs.
    let kept = LIST_BREAK.replace_all(&kept, "$1、$2");
    kept.split('、')
        .map(|finding| EDGES.replace_all(finding.trim(), "").into_owned())
        .map(|finding| PARTICLE.replace(&finding, "$1").trim().to_owned())
        .filter(|finding| has_words(finding))
        .collect()
}
