//! Planted identifiers in the shapes they take in reports, and clinical words that must stay.

use casekin_reports::{Identifiers, mask};

fn known(names: &[&str], ids: &[&str], dates: &[&str]) -> Identifiers {
    let own = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect();
    Identifiers {
        names: own(names),
        ids: own(ids),
        dates: own(dates),
    }
}

#[track_caller]
fn check(known: &Identifiers, text: &str, want: &str) {
    assert_eq!(mask(text, known).text, want);
}

#[test]
fn names_in_many_shapes() {
    let who = known(&["O'Brien-Müller^Zoë^K"], &[], &[]);
    for text in [
        "O'Brien-Müller^Zoë^K",
        "Zoë O'Brien-Müller",
        "ZOE OBRIEN MULLER",
        "O’BRIEN-MÜLLER, ZOË",
        "Z. Müller",
        "Zoe K. Muller",
        "zoe müller",
        "MULLER ZOE",
        "Müller",
        "zoemuller",
        "Zoé Müller",
        "Zoë\u{a0}Müller",
        "mu\u{308}ller, zoe\u{308}",
    ] {
        let masked = mask(&format!("Seen: {text} today."), &who).text;
        let plain = masked.to_lowercase();
        assert!(
            !plain.contains("ller") && !plain.contains("zo") && !plain.contains("brien"),
            "{text} → {masked}"
        );
        assert!(
            masked.contains("[name]") && masked.contains("today"),
            "{text} → {masked}"
        );
    }
    check(
        &known(&["DOE^JANE"], &[], &[]),
        "Jane's chest. Doe's heart.",
        "[name]'s chest. [name]'s heart.",
    );
    check(&known(&["Jane Doe"], &[], &[]), "DOE^JANE^^^", "[name]^^^");
    check(
        &known(&["山田^太郎"], &[], &[]),
        "患者山田太郎の胸部",
        "患者[name][name]の胸部",
    );
    check(
        &known(&["Иванова^Анна"], &[], &[]),
        "Больная Иванова Анна.",
        "Больная [name].",
    );
}

#[test]
fn common_word_names_leave_clinical_text_alone() {
    let will = known(&["HAND^WILL^NO"], &[], &[]);
    let clinical = "No fracture of the hand. Hand radiograph, two views. The patient will return. NO ACUTE FINDINGS.";
    check(&will, clinical, clinical);
    check(
        &will,
        "Mr. Hand was seen. Will Hand came. HAND, WILL",
        "Mr. [name] was seen. [name] came. [name]",
    );
    check(
        &will,
        "Reported to W. Hand. No effusion.",
        "Reported to [name]. No effusion.",
    );
    check(
        &known(&["White^Rose"], &[], &[]),
        "White matter is normal; rose bengal stain.",
        "White matter is normal; rose bengal stain.",
    );
    check(
        &known(&["Smith^Will"], &[], &[]),
        "Smith will return. No mass.",
        "[name] will return. No mass.",
    );
    check(
        &known(&["Smith"], &[], &[]),
        "Smithson blacksmith",
        "Smithson blacksmith",
    );
}

#[test]
fn ids_and_accession_numbers() {
    let who = known(&[], &["PAT-00123", "0004711", "A12", "1.2.840.1"], &[]);
    check(
        &who,
        "Id PAT-00123, pat00123, PAT 7.",
        "Id [id], [id], PAT 7.",
    );
    check(
        &who,
        "Number 4711 and 0004711, not 47112.",
        "Number [id] and [id], not 47112.",
    );
    check(&who, "ID: A12. T A12 spine.", "ID: [id]. T A12 spine.");
    check(&who, "1.2.840.1 and 1.2.840.113619.2.55.3", "[id] and [id]");
}

#[test]
fn birth_dates() {
    let who = known(&[], &[], &["19600312"]);
    for date in [
        "19600312",
        "1960-03-12",
        "12.03.1960",
        "12.3.60",
        "3/12/1960",
        "03/12/60",
        "12 March 1960",
        "March 12, 1960",
        "12-MAR-1960",
        "12. März 1960",
        "12 mars 1960",
        "12 de marzo de 1960",
        "12th of March 1960",
    ] {
        check(&who, &format!("Born {date}."), "Born [date].");
        check(&who, &format!("On {date}, chest."), "On [date], chest.");
    }
    check(
        &who,
        "Measures 12.3 x 60 mm on 13.03.1960.",
        "Measures 12.3 x 60 mm on 13.03.1960.",
    );
}

#[test]
fn shapes_of_identifiers() {
    let nobody = Identifiers::default();
    check(
        &nobody,
        "Call (555) 123-4567 or +49 30 1234567.",
        "Call [id] or [id].",
    );
    check(
        &nobody,
        "jane.doe@example.org, https://x.org/p/jane",
        "[id], [id]",
    );
    check(
        &nobody,
        "MRN: 12345, accession no. A-778, SSN 123-45-6789",
        "MRN: [id], accession no. [id], SSN [id]",
    );
    check(
        &nobody,
        "Dr. Smith and Prof. A. Jones reviewed.",
        "Dr. [name] and Prof. [name] reviewed.",
    );
    check(
        &nobody,
        "Patient: John Smith\nDOB: 03/12/1960",
        "Patient: [name]\nDOB: [date]",
    );
    check(
        &nobody,
        "Electronically signed by Jane Q. Public, MD",
        "Electronically signed by [name], MD",
    );
    let clinical = "A 3.5 x 120 mm mass, SUV 4.2, T12-L1. Patient: Female. MS plaques; level 2 of 120-130. Gleason 3+4=7.";
    check(&nobody, clinical, clinical);
}

#[test]
fn announced_names_of_four_languages() {
    let nobody = Identifiers::default();
    for (text, want) in [
        ("Dictado por Lucía Ferrer.", "Dictado por [name]."),
        (
            "Firmado electrónicamente por: Lucía Ferrer",
            "Firmado electrónicamente por: [name]",
        ),
        ("Dra. Ferrer informa.", "Dra. [name] informa."),
        ("Médico solicitante: Ferrer", "Médico solicitante: [name]"),
        (
            "Compte rendu validé par Hélène Marchand.",
            "Compte rendu validé par [name].",
        ),
        ("Radiologue : Marchand", "Radiologue : [name]"),
        (
            "Madame Marchand, née le 04/05/1951",
            "Madame [name], née le [date]",
        ),
        ("Befundet von Jürgen Albers.", "Befundet von [name]."),
        ("gez. Albers", "gez. [name]"),
        ("Zuweiser: Albers", "Zuweiser: [name]"),
        ("Patientennummer: 889123", "Patientennummer: [id]"),
        ("Teléfono: 91 555 12 34", "Teléfono: [id]"),
    ] {
        check(&nobody, text, want);
    }
}

#[test]
fn eponyms_and_plain_words_stay() {
    let nobody = Identifiers::default();
    for text in [
        "Hodgkin lymphoma, Kerley B lines, Crohn disease, Baker cyst.",
        "Maladie de Crohn, signe de Murphy, ligament de Cooper.",
        "Morbus Hodgkin, Baker-Zyste, Haglund-Exostose, Kerley-Linien.",
        "Enfermedad de Crohn, signo de Murphy, quiste de Baker.",
        "Reviewed by the tumour board. Validiert durch die Biopsie. Confirmado por biopsia.",
        "Signature : aspect typique. Firma: pendiente.",
    ] {
        check(&nobody, text, text);
    }
}

#[test]
fn counts_and_debug_without_values() {
    let who = known(&["Doe^Jane"], &["77881"], &["19600312"]);
    assert_eq!(mask("Jane Doe, 77881, 12.03.1960", &who).count, 3);
    let shown = format!("{who:?}");
    assert!(!shown.contains("Doe") && !shown.contains("77881") && !shown.contains("1960"));
}
