//! How far words of denial, doubt and history reach, on sentences made for it in four languages.

use casekin_reports::{Polarity, analyse};

/// A, N, U, H as in `polarity.tsv`; finding; sentence.
const CASES: &[(char, &str, &str)] = &[
    // What has gone is of the past.
    (
        'H',
        "hydropneumothorax",
        "The left hydropneumothorax has since resolved.",
    ),
    (
        'H',
        "consolidation",
        "Complete resolution of the lingular consolidation.",
    ),
    (
        'H',
        "thrombus",
        "Thrombus is no longer identified in the popliteal vein.",
    ),
    ('A', "hematoma", "The hematoma has not yet resolved."),
    ('A', "empyema", "Partially resolved empyema on the right."),
    (
        'A',
        "nodules",
        "High resolution CT shows centrilobular nodules.",
    ),
    (
        'H',
        "épanchement",
        "L'épanchement pleural a complètement disparu.",
    ),
    ('H', "opacité", "L'opacité basale n'est plus visible."),
    (
        'H',
        "Infiltrat",
        "Das Infiltrat im Mittellappen ist nicht mehr nachweisbar.",
    ),
    ('H', "Ergusses", "Vollständige Rückbildung des Ergusses."),
    ('H', "derrame", "El derrame pleural ha desaparecido."),
    ('H', "atelectasia", "Ya no se observa la atelectasia basal."),
    // History: lists, and where it turns to the present.
    (
        'H',
        "stroke",
        "History of diabetes, stroke and renal failure.",
    ),
    (
        'H',
        "renal failure",
        "History of diabetes, stroke and renal failure.",
    ),
    (
        'A',
        "wheezing",
        "Patient with a history of asthma who presents with wheezing.",
    ),
    (
        'H',
        "lymphoma",
        "Status post radiation for thymoma and lymphoma.",
    ),
    ('A', "effusion", "Status post lobectomy, small effusion."),
    ('H', "humeral", "Healed clavicular and humeral fractures."),
    (
        'H',
        "calcified granuloma",
        "Old calcified granuloma in the apex.",
    ),
    ('A', "fracture", "A 70 year old woman has a hip fracture."),
    ('A', "edema", "Worse pulmonary edema compared to old films."),
    (
        'H',
        "nephrectomy",
        "No hydronephrosis, status post nephrectomy.",
    ),
    ('N', "cancer", "No mass or history of cancer."),
    (
        'H',
        "pneumonie",
        "Antécédents de tuberculose, embolie et pneumonie.",
    ),
    ('H', "Hüft-TEP", "Kein Erguss bei Zustand nach Hüft-TEP."),
    ('H', "Ablatio", "St.p. Ablatio mammae links."),
    (
        'H',
        "asma",
        "Paciente con antecedentes de tabaquismo, asma y diabetes.",
    ),
    ('A', "disnea", "Antecedentes de asma que acude por disnea."),
    ('N', "diabetes", "Niega antecedentes de diabetes."),
    // Denial, and a denied property of what is there.
    (
        'N',
        "ischemia",
        "Negative treadmill stress test for ischemia.",
    ),
    ('A', "fracture", "The fibular fracture is not displaced."),
    ('A', "Fraktur", "Nicht dislozierte Fraktur des Radius."),
    ('A', "fractura", "Fractura no desplazada del radio."),
    ('N', "embolie", "Une embolie a été écartée."),
    ('N', "Fraktur", "Eine Fraktur kann ausgeschlossen werden."),
    ('N', "embolia", "Se descarta embolia pulmonar."),
    ('N', "fractura", "La fractura fue descartada."),
    // Doubt.
    (
        'U',
        "fracture",
        "No fracture is seen, although it cannot be excluded.",
    ),
    (
        'U',
        "duodenitis",
        "Rule out ulcer, gastritis and duodenitis.",
    ),
    ('A', "flank pain", "A stone may explain the flank pain."),
    ('U', "pneumonia", "Fever, ?pneumonia."),
    (
        'U',
        "embolie",
        "Une embolie ne peut être formellement écartée.",
    ),
    (
        'U',
        "foyer",
        "Opacité pouvant correspondre à un foyer infectieux.",
    ),
    (
        'U',
        "Fraktur",
        "Eine Fraktur kann nicht sicher ausgeschlossen werden.",
    ),
    ('U', "Pneumonie", "Röntgen zum Ausschluss einer Pneumonie."),
    ('U', "neumonía", "No se descarta neumonía."),
    (
        'U',
        "metástasis",
        "Nódulos que podrían corresponder a metástasis.",
    ),
    (
        'A',
        "épaississement",
        "Épaississement compatible avec une pleurésie.",
    ),
    (
        'A',
        "pleurésie",
        "Épaississement compatible avec une pleurésie.",
    ),
];

fn code(polarity: Polarity) -> char {
    match polarity {
        Polarity::Affirmed => 'A',
        Polarity::Negated => 'N',
        Polarity::Uncertain => 'U',
        Polarity::Historical => 'H',
    }
}

#[test]
fn words_reach_as_far_as_they_mean() {
    let wrong: Vec<String> = CASES
        .iter()
        .filter_map(|(want, finding, sentence)| {
            let analysis = analyse(sentence);
            let got = analysis
                .sentences
                .iter()
                .find(|one| one.text.to_lowercase().contains(&finding.to_lowercase()))
                .map(|one| code(one.polarity));
            (got != Some(*want)).then(|| format!("want {want} got {got:?}: {finding} | {sentence}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_has_ended_is_told_from_other_history() {
    let ended = |text: &str| analyse(text).sentences.iter().any(|one| one.has_ended());
    assert!(ended("The pneumothorax has resolved."));
    assert!(ended("Der Rundherd ist nicht mehr abgrenzbar."));
    assert!(!ended("Status post lobectomy."));
    assert!(!ended("No pneumothorax."));
    assert!(!ended("The pneumothorax has not resolved."));
}
