//! Whole reports: sections, ranges, languages, question–answer texts.

use std::path::PathBuf;

use casekin_reports::{Analysis, Language, Polarity, SectionKind, analyse};

fn shown(analysis: &Analysis) -> String {
    let lines = analysis.sentences.iter().map(|s| {
        let section = &analysis.sections[s.section];
        format!(
            "{:?}/{} | {:?} | {}",
            section.kind, section.heading, s.polarity, s.text
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_radiology_report() {
    let text = "CHEST RADIOGRAPH, PA AND LATERAL\n\nCLINICAL HISTORY: 63-year-old with cough. Pneumonia?\n\
                COMPARISON: None.\nFINDINGS:\n1. Moderate left effusion, e.g. 3.5 cm.\n2. No pneumothorax but small\nright nodule.\n\
                Margins: clear\n\nImpression\nLeft pleural effusion without pneumothorax.\n";
    let analysis = analyse(text);
    insta::assert_snapshot!(shown(&analysis), @r"
    Findings/ | Affirmed | CHEST RADIOGRAPH, PA AND LATERAL
    History/CLINICAL HISTORY | Affirmed | 63-year-old with cough.
    History/CLINICAL HISTORY | Uncertain | Pneumonia?
    Technique/COMPARISON | Affirmed | None.
    Findings/FINDINGS | Affirmed | Moderate left effusion, e.g. 3.5 cm.
    Findings/FINDINGS | Negated | No pneumothorax
    Findings/FINDINGS | Affirmed | but small right nodule.
    Findings/FINDINGS | Affirmed | Margins: clear
    Impression/Impression | Affirmed | Left pleural effusion
    Impression/Impression | Negated | without pneumothorax.
    ");
    for s in &analysis.sentences {
        assert_eq!(
            text[s.start..s.end]
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            s.text
        );
    }
}

#[test]
fn headings_of_four_languages_and_on_one_line() {
    let kinds = |text: &str| {
        analyse(text)
            .sections
            .iter()
            .map(|s| s.kind)
            .collect::<Vec<_>>()
    };
    use SectionKind::{Findings, History, Impression};
    assert_eq!(
        kinds("FINDINGS: Mass. IMPRESSION: Mass."),
        [Findings, Impression]
    );
    assert_eq!(
        kinds("Klinische Angaben: Husten.\nBefund:\nErguss.\nBeurteilung: Erguss."),
        [History, Findings, Impression]
    );
    assert_eq!(
        kinds("Indication : toux.\nRésultats :\nOpacité.\nConclusion : opacité."),
        [History, Findings, Impression]
    );
    assert_eq!(
        kinds("Hallazgos: masa.\nConclusión: masa."),
        [Findings, Impression]
    );
    assert_eq!(kinds("No sections at all."), [Findings]);
    assert!(analyse("").sections.is_empty() && analyse(" \n ").sentences.is_empty());
}

#[test]
fn languages() {
    for (text, language) in [
        (
            "There is a small pleural effusion on the left side.",
            Language::En,
        ),
        (
            "Il existe un épanchement pleural gauche de faible abondance.",
            Language::Fr,
        ),
        (
            "Es zeigt sich ein kleiner Pleuraerguss auf der linken Seite.",
            Language::De,
        ),
        (
            "Se observa un pequeño derrame pleural en el lado izquierdo.",
            Language::Es,
        ),
        ("CXR", Language::En),
    ] {
        assert_eq!(analyse(text).language, language, "{text}");
    }
}

#[test]
fn questions_and_answers() {
    let text = "Does this patient have a pneumothorax? No Where is the opacity? Right of the midline, below the hilum \
                Is there a widened mediastinum? Yes any tracheal deviation present? no Is the lung free of masses? Yes";
    insta::assert_snapshot!(shown(&analyse(text)), @r"
    Findings/ | Negated | Does this patient have a pneumothorax? No
    Findings/ | Affirmed | Where is the opacity? Right of the midline, below the hilum
    Findings/ | Affirmed | Is there a widened mediastinum? Yes
    Findings/ | Negated | any tracheal deviation present? no
    Findings/ | Negated | Is the lung free of masses? Yes
    ");
}

#[test]
fn hostile_text_is_survived() {
    for text in [
        "?",
        "?????",
        "Is?",
        "Is ?No",
        "No",
        "no no no no,,,;;; or or",
        "\u{301}\u{301}: \u{301}",
        "A:\nB:\nC:",
        "не вижу",
        "ＮＯ mass",
    ] {
        let analysis = analyse(text);
        assert!(
            analysis
                .sentences
                .iter()
                .all(|s| text.get(s.start..s.end).is_some()),
            "{text}"
        );
    }
    let long = "No mass, but effusion and no nodule. ".repeat(3_000);
    assert!(analyse(&long).sentences.len() > 6_000);
    // A long text without one stop, line end or answer: done in the time of a test only if work stays bounded.
    for piece in [
        "no mass, possible ",
        "a. ",
        "is it? ",
        "Is ",
        "HISTORY: ",
        "no ",
        "\n",
    ] {
        let text = piece.repeat((1 << 18) / piece.len());
        assert!(analyse(&text).sentences.len() < 1 << 20, "{piece}");
    }
}

fn shared() -> Option<PathBuf> {
    let from_env = std::env::var_os("CASEKIN_SHARED").map(PathBuf::from);
    let above = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let beside = above
        .ancestors()
        .map(|dir| dir.join("shared"))
        .find(|dir| dir.join("data").is_dir());
    from_env.or(beside)
}

/// Pairs of VQA-RAD run together in the archive's notes, against the same pairs kept apart.
#[test]
fn real_question_answer_notes() {
    let Some(shared) = shared() else {
        println!("skipped: no shared folder");
        return;
    };
    let pairs = std::fs::read_to_string(shared.join("data/chest/vqa_rad_qa.jsonl")).unwrap();
    let mut table = csv::Reader::from_path(shared.join("data/chest/metadata.csv")).unwrap();
    let header = table.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let (file, notes) = (column("file"), column("notes"));
    let notes: Vec<(String, Analysis)> = table
        .records()
        .map(Result::unwrap)
        .map(|r| (r[file].to_owned(), analyse(&r[notes])))
        .collect();
    let (mut right, mut all) = (0, 0);
    for line in pairs.lines() {
        let pair: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| {
            pair[key]
                .as_str()
                .unwrap_or("")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        let want = match text("answer").to_lowercase().as_str() {
            "yes" => Polarity::Affirmed,
            "no" => Polarity::Negated,
            _ => continue,
        };
        let whole = format!("{} {}", text("question"), text("answer"));
        let Some((_, analysis)) = notes.iter().find(|(file, _)| *file == text("image")) else {
            continue;
        };
        let Some(said) = analysis
            .sentences
            .iter()
            .find(|s| s.text.eq_ignore_ascii_case(&whole))
        else {
            continue;
        };
        all += 1;
        right += u32::from(said.polarity == want);
        if said.polarity != want {
            println!("want {want:?}: {}", said.text);
        }
    }
    println!("{right} of {all} yes/no pairs");
    assert!(all >= 50 && right * 100 >= all * 93, "{right} of {all}");
}
