//! A report → its sections by their headings, in English, French, German and Spanish.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::{Section, SectionKind};

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
            "anamnese",
            "vorgeschichte",
            "klinische angaben",
            "klinik",
            "fragestellung",
            "indikation",
            "rechtfertigende indikation",
            "renseignements cliniques",
            "antecedents",
            "motif",
            "antecedentes",
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

/// A word group before a colon at a line's start, or in capitals anywhere.
static CANDIDATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^[ \t]*(?:\d+[.)][ \t]*)?([\p{L}][\p{L}/() -]{1,40}?)[ \t]*(?::|$)|(?:^|[.;\s])([\p{Lu}][\p{Lu}/() -]{3,40}?)[ \t]*:")
        .expect("the crate's own patterns are valid")
});

/// A section with where its body lies.
pub(crate) struct Span {
    pub(crate) section: Section,
    pub(crate) body: Range<usize>,
    /// Everything in it lies in the past unless it says otherwise.
    pub(crate) is_past: bool,
}

/// Sections in order. A text without headings is one section of findings.
pub(crate) fn split_sections(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut current = Section {
        kind: SectionKind::Findings,
        heading: String::new(),
    };
    let mut body_start = 0;
    for captures in CANDIDATE.captures_iter(text) {
        let Some(name) = captures.get(1).or_else(|| captures.get(2)) else {
            continue;
        };
        let whole = captures.get(0).expect("a match has a range");
        let has_colon = whole.as_str().ends_with(':');
        let Some(kind) = classify(name.as_str(), has_colon, rest_of_line(text, whole.end())) else {
            continue;
        };
        push(text, &mut spans, current, body_start..name.start());
        current = Section {
            kind,
            heading: name.as_str().trim().to_owned(),
        };
        body_start = whole.end();
    }
    push(text, &mut spans, current, body_start..text.len());
    spans
}

fn push(text: &str, spans: &mut Vec<Span>, section: Section, body: Range<usize>) {
    let has_words = text[body.clone()].chars().any(char::is_alphanumeric);
    if has_words || !section.heading.is_empty() {
        let name = plain(&section.heading);
        let is_past = ["past", "vorgeschichte", "anteced"]
            .iter()
            .any(|word| name.contains(word));
        spans.push(Span {
            section,
            body,
            is_past,
        });
    }
}

fn rest_of_line(text: &str, at: usize) -> &str {
    text[at..].split('\n').next().unwrap_or("").trim()
}

fn classify(name: &str, has_colon: bool, rest: &str) -> Option<SectionKind> {
    let wanted = plain(name);
    let known = KNOWN
        .iter()
        .find(|(_, names)| names.contains(&wanted.as_str()))
        .map(|(kind, _)| *kind);
    if let Some(kind) = known {
        // "conclusion" alone on a line is a heading; "report" inside a wrapped sentence has a lower-case first letter.
        return (has_colon || name.starts_with(char::is_uppercase)).then_some(kind);
    }
    let capitals = !name.chars().any(char::is_lowercase);
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
