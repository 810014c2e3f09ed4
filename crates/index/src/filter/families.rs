//! Families of modalities: pictures of one look, which are worth comparing with each other. DICOM's codes (PS3.3
//! C.7.3.1.1.1 and PS3.16 CID 29), and the names that people write into tables instead, in English, German, French and
//! Spanish.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::Filter;

/// Pictures of one look.
struct Look {
    /// What says so if nothing else is said; codes of two letters would be words in a longer text.
    codes: &'static [&'static str],
    /// What says so wherever it stands, as words in a row; the last one may go on after a star.
    names: &'static [&'static str],
}

/// The first one whose name occurs wins, so a CT angiography is a CT, a PET/CT a PET, and a fundus photograph no
/// photograph of skin.
const LOOKS: [Look; 11] = [
    Look {
        codes: &["pt", "nm", "st"],
        names: &[
            "pet",
            "spect",
            "positron*",
            "scintigra*",
            "szintigra*",
            "gammagra*",
            "nuclear medicine",
            "nuklearmedizin*",
            "medecine nucleaire",
            "medicina nuclear",
        ],
    },
    Look {
        codes: &["opt"],
        names: &[
            "oct",
            "ivoct",
            "optical coherence",
            "optische koharenz*",
            "koharenztomogra*",
            "coherence optique",
            "coherencia optica",
        ],
    },
    Look {
        codes: &["mg", "bmd"],
        names: &["mammogra*", "mamogra*", "tomosynthes*"],
    },
    Look {
        codes: &["us", "ivus", "bdus"],
        names: &[
            "ultraso*",
            "ultraschall*",
            "sonogra*",
            "echogra*",
            "ecogra*",
            "echokardiogra*",
            "echocardiogra*",
            "ecocardiogra*",
        ],
    },
    Look {
        codes: &["rm"],
        names: &[
            "mr",
            "mri",
            "mra",
            "fmri",
            "mrt",
            "irm",
            "rmn",
            "magnetic resonance",
            "magnetresonanz*",
            "kernspin*",
            "resonance magnetique",
            "resonancia magnetica",
        ],
    },
    Look {
        codes: &["ctprotocol", "scanner"],
        names: &[
            "ct",
            "cta",
            "cbct",
            "hrct",
            "cat scan",
            "tdm",
            "tac",
            "computed tomogra*",
            "computerized tomogra*",
            "computertomogra*",
            "tomodensito*",
            "tomografia computarizada",
            "tomografia computada",
        ],
    },
    Look {
        codes: &["op"],
        names: &[
            "fundus*",
            "fundosco*",
            "retinogra*",
            "retinal photo*",
            "fluorescein*",
            "augenhintergrund*",
            "fond d oeil",
            "fond d œil",
            "fondo de ojo",
        ],
    },
    Look {
        codes: &["sm", "gm"],
        names: &[
            "histolog*",
            "histopatholog*",
            "histopatolog*",
            "patholog*",
            "patolog*",
            "anatomopatholog*",
            "anatomopatolog*",
            "cytolog*",
            "citolog*",
            "zytolog*",
            "microscop*",
            "mikroskop*",
            "lichtmikroskop*",
            "whole slide*",
            "slide*",
            "wsi",
            "smear*",
        ],
    },
    Look {
        codes: &["es"],
        names: &[
            "endosco*",
            "endosko*",
            "colonosco*",
            "coloscop*",
            "koloskop*",
            "gastrosco*",
            "gastroskop*",
            "bronchosco*",
            "bronchoskop*",
            "broncosco*",
            "laparosco*",
            "laparoskop*",
            "cystosco*",
            "cistosco*",
            "zystoskop*",
        ],
    },
    Look {
        codes: &["cr", "dx", "rg", "rf", "xa", "px", "io", "df"],
        names: &[
            "xr",
            "cxr",
            "x ray*",
            "xray*",
            "radiogra*",
            "rontgen*",
            "roentgen*",
            "rayon x",
            "rayons x",
            "rayos x",
            "plain film*",
            "fluorosco*",
            "durchleuchtung*",
            "angiogra*",
            "panoramic",
            "orthopantomogra*",
            "ortopantomogra*",
        ],
    },
    Look {
        codes: &["xc", "dms"],
        names: &[
            "photo*",
            "foto*",
            "dermatolog*",
            "dermosco*",
            "dermosko*",
            "dermatosco*",
            "dermatosko*",
            "auflichtmikroskop*",
        ],
    },
];

/// The family of a modality, however it is written.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    /// Place in the table above.
    Known(usize),
    /// One that the table lacks is a family by itself: its words.
    Own(String),
}

impl Family {
    pub(crate) fn of(modality: &str) -> Self {
        let words = words(modality);
        let whole = words.join(" ");
        let coded = |look: &Look| look.codes.contains(&whole.as_str());
        let named = |look: &Look| look.names.iter().any(|name| occurs(name, &words));
        let looks = || LOOKS.iter();
        match looks().position(coded).or_else(|| looks().position(named)) {
            Some(at) => Self::Known(at),
            None => Self::Own(whole),
        }
    }
}

/// The words of a modality, without case, marks over letters and punctuation: `X-Ray` and `Röntgen` as `x`, `ray` and
/// `rontgen`.
fn words(modality: &str) -> Vec<String> {
    let plain: String = modality
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect();
    let words = plain.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

fn occurs(name: &str, words: &[String]) -> bool {
    let (name, goes_on) = match name.strip_suffix('*') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let name: Vec<&str> = name.split(' ').collect();
    let Some((last, first)) = name.split_last() else {
        return false;
    };
    words.windows(name.len()).any(|run| {
        let (ends, begins) = (&run[first.len()], &run[..first.len()]);
        begins.iter().zip(first).all(|(word, part)| word == part)
            && (ends == last || goes_on && ends.starts_with(last))
    })
}

impl Filter {
    /// Views of the same families as these modalities, and views of unknown modality: a picture that does not say
    /// what it is may be anything. Everything where no modality is given, or one of them is unknown (`None`).
    pub fn same_family<'a>(modalities: impl IntoIterator<Item = Option<&'a str>>) -> Filter {
        let mut named: Vec<String> = Vec::new();
        for modality in modalities {
            match modality.map(str::trim).filter(|one| !one.is_empty()) {
                Some(modality) => named.push(modality.to_owned()),
                None => return Filter::All,
            }
        }
        named.sort_unstable();
        named.dedup();
        match named.is_empty() {
            true => Filter::All,
            false => Filter::SameFamily { modalities: named },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_of_the_family_of_its_code() {
        for (code, names) in [
            (
                "CR",
                &[
                    "dx",
                    "X-ray",
                    "xray",
                    "X_RAY",
                    "Chest X-rays",
                    "digital radiography",
                    "Radiographie",
                    "radiografía",
                    "Röntgen",
                    "Röntgenaufnahme",
                    "rayos X",
                    "angiography",
                ][..],
            ),
            ("MG", &["mammography", "Mammografie", "mamografía"]),
            (
                "CT",
                &[
                    "ct",
                    "CT-Angiography",
                    "Computed Tomography",
                    "CT scan",
                    "Computertomographie",
                    "tomodensitométrie",
                    "TAC",
                ],
            ),
            (
                "MR",
                &[
                    "MRI",
                    "T2 MRI",
                    "magnetic resonance imaging",
                    "MR angiography",
                    "MRT",
                    "IRM",
                    "Magnetresonanztomographie",
                ],
            ),
            (
                "PT",
                &["PET/CT", "NM", "bone scintigraphy", "Szintigraphie"],
            ),
            (
                "US",
                &["ultrasound", "Ultraschall", "échographie", "Ecografía"],
            ),
            (
                "SM",
                &[
                    "light microscopy",
                    "histopathology",
                    "Pathology",
                    "whole-slide image",
                    "Histologie",
                ],
            ),
            (
                "XC",
                &[
                    "dermoscopy",
                    "clinical smartphone photo",
                    "Dermatoskopie",
                    "fotografía",
                ],
            ),
            ("ES", &["endoscopy", "Koloskopie", "coloscopie"]),
            (
                "OP",
                &[
                    "colour fundus photograph",
                    "Color Fundus Photography",
                    "fond d'œil",
                    "fluorescein angiography",
                ],
            ),
            ("OPT", &["OCT", "optical coherence tomography"]),
        ] {
            assert!(matches!(Family::of(code), Family::Known(_)), "{code}");
            for name in names {
                assert_eq!(Family::of(name), Family::of(code), "{name}");
            }
        }
    }

    #[test]
    fn what_the_table_lacks_is_a_family_by_itself() {
        assert_eq!(
            Family::of("Hyperspectral-Imaging"),
            Family::of("hyperspectral imaging")
        );
        for other in ["OT", "thermography", "user upload", "respect"] {
            assert_eq!(Family::of(other), Family::Own(words(other).join(" ")));
        }
        assert_ne!(Family::of("OT"), Family::of("thermography"));
    }

    #[test]
    fn an_unknown_question_meets_everything() {
        assert_eq!(Filter::same_family([Some("CT"), None]), Filter::All);
        assert_eq!(Filter::same_family([Some(" ")]), Filter::All);
        assert_eq!(Filter::same_family([]), Filter::All);
    }
}
