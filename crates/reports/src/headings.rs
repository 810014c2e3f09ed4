//! A report → its sections by their headings, in English, French, German, Spanish, Chinese, Japanese and Korean.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::{Polarity, Section, SectionKind};

const KNOWN: &[(SectionKind, &[&str])] = &[
    (
        SectionKind::Title,
        &[
            "exam",
            "examination",
            "study",
            "procedure",
            "exam type",
            "specimen",
            "specimens",
            "specimen submitted",
            "title",
            "untersuchung",
            "examen",
            "estudio",
            "procedimiento",
        ],
    ),
    (
        SectionKind::History,
        &[
            "history",
            "clinical history",
            "clinical information",
            "clinical data",
            "clinical details",
            "clinical indication",
            "indication",
            "indications",
            "reason for exam",
            "reason for examination",
            "reason for study",
            "past medical history",
            "past history",
            "past surgical history",
            "medical history",
            "surgical history",
            "pmh",
            "pmhx",
            "psh",
            "history of present illness",
            "hpi",
            "chief complaint",
            "clinical question",
            "question",
            "anamnese",
            "vorgeschichte",
            "klinische angaben",
            "klinik",
            "fragestellung",
            "vorerkrankungen",
            "vordiagnosen",
            "eigenanamnese",
            "klinische fragestellung",
            "indikation",
            "rechtfertigende indikation",
            "renseignements cliniques",
            "antecedents",
            "antecedents medicaux",
            "antecedents chirurgicaux",
            "antecedents personnels",
            "antecedents medico chirurgicaux",
            "atcd",
            "indication clinique",
            "question posee",
            "motif",
            "antecedentes",
            "antecedentes personales",
            "antecedentes patologicos",
            "antecedentes medicos",
            "antecedentes quirurgicos",
            "antecedentes de interes",
            "pregunta clinica",
            "motivo de consulta",
            "motivo de la exploracion",
            "indicacion",
            "historia clinica",
            "datos clinicos",
            "motivo",
        ],
    ),
    (
        SectionKind::Technique,
        &[
            "technique",
            "comparison",
            "comparisons",
            "protocol",
            "contrast",
            "gross description",
            "macroscopic description",
            "gross",
            "macroscopy",
            "technik",
            "methode",
            "vergleich",
            "voraufnahmen",
            "makroskopie",
            "tecnica",
            "comparacion",
            "comparaison",
            "makroskopischer befund",
        ],
    ),
    (
        SectionKind::Findings,
        &[
            "findings",
            "finding",
            "observations",
            "microscopic description",
            "microscopic",
            "microscopy",
            "description",
            "report",
            "results",
            "befund",
            "befunde",
            "mikroskopie",
            "mikroskopischer befund",
            "beschreibung",
            "resultats",
            "resultat",
            "constatations",
            "hallazgos",
            "descripcion",
            "informe",
        ],
    ),
    (
        SectionKind::Impression,
        &[
            "impression",
            "impressions",
            "conclusion",
            "conclusions",
            "diagnosis",
            "final diagnosis",
            "diagnoses",
            "opinion",
            "summary",
            "interpretation",
            "assessment",
            "beurteilung",
            "diagnose",
            "zusammenfassung",
            "synthese",
            "diagnostic",
            "impresion",
            "impresion diagnostica",
            "diagnostico",
            "juicio diagnostico",
            "juicio clinico",
        ],
    ),
];

/// Headings of Chinese (both writings), Japanese and Korean reports, as a pattern: they stand before a colon of either
/// width, in 【】, or alone on a line.
const EAST_ASIAN: &[(SectionKind, &str)] = &[
    (
        SectionKind::Title,
        "检查(?:名称|项目|部位)|檢查(?:名稱|項目|部位)|検査(?:名|部位)|검사명",
    ),
    (
        SectionKind::History,
        "临床(?:病史|资料|信息|诊断)|臨床(?:病史|資料|資訊|診斷|診断|情報|経過)|病史|主诉|主訴|既往史|既往歴|现病史|現病史|現病歴|検査目的|依頼内容|과거력|병력|임상\\s?(?:정보|소견|병력)",
    ),
    (
        SectionKind::Technique,
        "检查(?:方法|技术)|檢查(?:方法|技術)|検査方法|撮影方法|比较|比較|검사\\s?방법|비교",
    ),
    (
        SectionKind::Impression,
        "(?:影像|放射|病理)?(?:学|學)?(?:诊断|診斷|診断)(?:意见|意見|印象|结论|結論)?|印象|结论|結論|意见|意見|总结|まとめ|판독\\s?(?:결론|의견)|결론|진단|인상",
    ),
    (
        SectionKind::Findings,
        "(?:影像|检查|檢查|画像|検査|放射|镜下|鏡下|病理)?(?:学|學)?(?:所见|所見|表现|表現)|描述|(?:영상|판독|검사|현미경)?\\s?소견",
    ),
];

static EAST_ASIAN_HEADING: LazyLock<Regex> = LazyLock::new(|| {
    let names: Vec<&str> = EAST_ASIAN.iter().map(|(_, names)| *names).collect();
    let any = names.join("|");
    Regex::new(&format!(
        r"(?m)(?:^|[。｡；;])[ \t\u3000]*(?:\d+[.)、][ \t]*)?(?:[【\[]({any})[】\]][ \t]*[:：]?|({any})[ \t]*(?:[:：]|$))"
    ))
    .expect("the crate's own patterns are valid")
});
static EAST_ASIAN_NAMES: LazyLock<Vec<(SectionKind, Regex)>> = LazyLock::new(|| {
    let whole = |names: &str| Regex::new(&format!("^(?:{names})$"));
    EAST_ASIAN
        .iter()
        .map(|(kind, names)| {
            (
                *kind,
                whole(names).expect("the crate's own patterns are valid"),
            )
        })
        .collect()
});

/// A word group before a colon at a line's start, or in capitals anywhere.
static CANDIDATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^[ \t]*(?:\d+[.)][ \t]*)?([\p{L}][\p{L}/() -]{1,40}?)[ \t]*(?::|$)|(?:^|[.;\s])([\p{Lu}][\p{Lu}/() -]{3,40}?)[ \t]*:")
        .expect("the crate's own patterns are valid")
});

/// Parts of headings over what lies in the past.
const PAST: &[&str] = &[
    "past",
    "medical history",
    "surgical history",
    "pmh",
    "psh",
    "vorgeschichte",
    "vorerkrank",
    "vordiagnos",
    "anteced",
    "atcd",
    "既往",
];
/// Parts of headings over what the study is asked for.
const QUESTION: &[&str] = &["question", "fragestellung", "pregunta"];

/// A section with where its body lies.
pub(crate) struct Span {
    pub(crate) section: Section,
    pub(crate) body: Range<usize>,
    /// What is meant of all in it that says nothing else: a history tells the past, a question only asks.
    pub(crate) base: Polarity,
}

/// Sections in order. A text without headings is one section of findings.
pub(crate) fn split_sections(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut current = Section {
        kind: SectionKind::Findings,
        heading: String::new(),
    };
    let mut body_start = 0;
    for found in headings(text) {
        push(text, &mut spans, current, body_start..found.name.start);
        current = Section {
            kind: found.kind,
            heading: text[found.name].trim().to_owned(),
        };
        body_start = found.end;
    }
    push(text, &mut spans, current, body_start..text.len());
    spans
}

/// A heading: where its name lies, and where its body begins.
struct Heading {
    kind: SectionKind,
    name: Range<usize>,
    end: usize,
}

/// Headings in order, none overlapping.
fn headings(text: &str) -> Vec<Heading> {
    let latin = CANDIDATE.captures_iter(text).filter_map(|captures| {
        let name = captures.get(1).or_else(|| captures.get(2))?;
        let whole = captures.get(0)?;
        let has_colon = whole.as_str().ends_with(':');
        let kind = classify(name.as_str(), has_colon, rest_of_line(text, whole.end()))?;
        Some(Heading {
            kind,
            name: name.range(),
            end: whole.end(),
        })
    });
    let east_asian = EAST_ASIAN_HEADING
        .captures_iter(text)
        .filter_map(|captures| {
            let name = captures.get(1).or_else(|| captures.get(2))?;
            let (kind, _) = EAST_ASIAN_NAMES
                .iter()
                .find(|(_, names)| names.is_match(name.as_str()))?;
            Some(Heading {
                kind: *kind,
                name: name.range(),
                end: captures.get(0)?.end(),
            })
        });
    let mut all: Vec<Heading> = east_asian.chain(latin).collect();
    all.sort_by_key(|heading| heading.name.start);
    all.dedup_by(|later, earlier| later.name.start < earlier.end);
    all
}

fn push(text: &str, spans: &mut Vec<Span>, section: Section, body: Range<usize>) {
    let has_words = text[body.clone()].chars().any(char::is_alphanumeric);
    if has_words || !section.heading.is_empty() {
        let name = plain(&section.heading);
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let base = if has(PAST) {
            Polarity::Historical
        } else if has(QUESTION) {
            Polarity::Uncertain
        } else {
            Polarity::Affirmed
        };
        spans.push(Span {
            section,
            body,
            base,
        });
    }
}

fn rest_of_line(text: &str, at: usize) -> &str {
    text[at..].split('\n').next().unwrap_or("").trim()
}

fn classify(name: &str, has_colon: bool, rest: &str) -> Option<SectionKind> {
    let wanted = plain(name);
    let kind_of = |wanted: &str| {
        KNOWN
            .iter()
            .find(|(_, names)| names.contains(&wanted))
            .map(|(kind, _)| *kind)
    };
    // "INDICATION/CLINICAL QUESTION" is two names of one kind.
    let known = kind_of(&wanted).or_else(|| name.split('/').find_map(|part| kind_of(&plain(part))));
    if let Some(kind) = known {
        // "conclusion" alone on a line is a heading; "report" inside a wrapped sentence has a lower-case first letter.
        return (has_colon || name.starts_with(char::is_uppercase)).then_some(kind);
    }
    let capitals = !name.chars().any(char::is_lowercase) && name.chars().any(char::is_uppercase);
    // "MARGINS: negative" is a statement; "MARGINS:" over a paragraph is a heading.
    let long_body = rest.is_empty() || rest.split_whitespace().count() > 4;
    (has_colon && ((capitals && name.chars().count() > 3 && long_body) || rest.is_empty()))
        .then_some(SectionKind::Other)
}

/// Lower case without accents, brackets and repeated spaces.
fn plain(name: &str) -> String {
    let folded = crate::fold::fold(name);
    let words: String = folded
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let words = words.replace(" s ", " ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
