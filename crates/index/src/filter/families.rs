//! Families of modalities: pictures of one look, which are worth comparing with each other (codes of DICOM PS3.3
//! C.7.3.1.1.1 and PS3.16 CID 29).

use super::{Field, Filter};

/// Codes of one look each. A code that is not here is a family of its own.
const FAMILIES: [&[&str]; 9] = [
    &["CR", "DX", "RG", "RF", "XA", "PX", "IO", "DF", "XR"],
    &["MG", "BMD"],
    &["CT", "CTPROTOCOL"],
    &["PT", "NM", "ST"],
    &["US", "IVUS", "BDUS"],
    &["SM", "GM", "HISTOLOGY", "PATHOLOGY"],
    &["XC", "DMS", "PHOTO", "DERMATOLOGY"],
    &["ES"],
    &["OP", "FUNDUS"],
];

impl Filter {
    /// Views of the same families as these modalities, and views of unknown modality: a picture that does not say
    /// what it is may be anything. Everything where no modality is given, or one of them is unknown (`None`).
    pub fn same_family<'a>(modalities: impl IntoIterator<Item = Option<&'a str>>) -> Filter {
        let mut codes: Vec<String> = Vec::new();
        for modality in modalities {
            let Some(modality) = modality.map(str::trim).filter(|code| !code.is_empty()) else {
                return Filter::All;
            };
            let upper = modality.to_ascii_uppercase();
            match FAMILIES
                .iter()
                .find(|family| family.contains(&upper.as_str()))
            {
                Some(family) => codes.extend(family.iter().map(|code| (*code).to_owned())),
                None => codes.push(upper),
            }
        }
        if codes.is_empty() {
            return Filter::All;
        }
        codes.sort_unstable();
        codes.dedup();
        let field = Field::Modality;
        let mut allowed: Vec<Filter> = codes
            .into_iter()
            .map(|value| Filter::Is { field, value })
            .collect();
        allowed.push(Filter::Unknown { field });
        Filter::Or(allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn radiographs_meet_radiographs_and_what_says_nothing() {
        let Filter::Or(allowed) = Filter::same_family([Some("dx")]) else {
            panic!("a choice")
        };
        let is = |value: &str| Filter::Is {
            field: Field::Modality,
            value: value.into(),
        };
        assert!(allowed.contains(&is("CR")) && !allowed.contains(&is("CT")));
        assert!(allowed.contains(&Filter::Unknown {
            field: Field::Modality
        }));
    }

    #[test]
    fn an_unknown_question_meets_everything() {
        assert_eq!(Filter::same_family([Some("CT"), None]), Filter::All);
        assert_eq!(Filter::same_family([Some(" ")]), Filter::All);
        assert_eq!(Filter::same_family([]), Filter::All);
    }
}
