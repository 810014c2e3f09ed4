//! Words of clinical sentences: which carry a finding, and which two are the same.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words that state nothing that a cited text would have to hold.
static GENERIC: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "a about above across additional additionally after all along also although among an and another any \
    appear appears are area as associated at based be been both but by can case cases characterized \
    cited common commonly compared consistent could demonstrate demonstrated demonstrates demonstrating \
    denies deny describe described describes describing different documented due during each either \
    evidence evident examination except feature features finding findings five for found four free from \
    further had has have having however identified if image images imaging impression in include \
    included includes including indicate indicated indicates indicating insufficient involving is it its \
    labelled labeled less like located main mention mentioned mentions more most neither no none nor not \
    note noted notes observed of on one only or other others overall particularly patient patients \
    picture present presence provided related remain remains report reported reports respectively result \
    reveal revealed reveals same seen several shared show showed showing shown shows similar similarly \
    since some specifically study such suggest suggested suggesting suggestive suggests summary that the \
    their them there these they this those three to together two under visible was well were when where \
    whereas which while who whose with within without would absence absent negative positive possible \
    possibly probable probably likely may might suspected uncertain excluded ruled out never lacks \
    lacking containing contains contain first second third using number data retrieved search query \
    match matches matching into than then thus very via being does did do will every many multiple \
    measuring measures measure measured evaluated"
        .split(' ')
        .collect()
});
/// Words of place, side and degree: to be found in the cited text, but neither affirmed nor denied by themselves.
static PLACES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "upper lower middle mid lobe lobes lung lungs chest base basal apex apical side sided left right \
    bilateral bilaterally unilateral anterior posterior lateral medial central peripheral small large \
    mild moderate severe minimal new stable unchanged acute chronic size heart eye skin tissue zone \
    zones region field hemithorax focal diffuse increased decreased radiograph view radiographs ct mri \
    scan film year old man woman male female"
        .split(' ')
        .collect()
});
/// Words that say the same, by their stems.
const SAME: &[&[&str]] = &[
    &["tumor", "tumour", "neoplasm"],
    &["hemorrhage", "haemorrhage", "bleed", "bleeding"],
    &["edema", "oedema"],
    &["opacity", "opacification", "opacities"],
    &["cancer", "carcinoma"],
    &["radiograph", "xray", "radiography"],
    &["enlarged", "enlargement"],
    &["ischemia", "ischaemia"],
    &["anemia", "anaemia"],
    &["both", "bilateral", "bilaterally"],
];

/// A word of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Lower case.
    pub(crate) text: String,
    pub(crate) start: usize,
}

impl Word {
    pub(crate) fn is_content(&self) -> bool {
        self.text.chars().count() >= 3
            && !self.text.chars().any(|c| c.is_ascii_digit())
            && !GENERIC.contains(self.text.as_str())
    }

    pub(crate) fn is_side(&self) -> bool {
        side(&self.text).is_some()
    }

    /// Whether the word names something that can be there or not.
    pub(crate) fn is_finding(&self) -> bool {
        self.is_content() && !PLACES.contains(self.text.as_str())
    }
}

/// Words in order; a hyphen parts words.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push(Word {
                    text: text[from..at].to_lowercase(),
                    start: from,
                });
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// Content words of a text, in order.
pub(crate) fn content(text: &str) -> Vec<String> {
    words(text)
        .into_iter()
        .filter(Word::is_content)
        .map(|w| w.text)
        .collect()
}

/// Which side a word names.
pub(crate) fn side(word: &str) -> Option<Side> {
    match word {
        "left" | "lefts" => Some(Side::Left),
        "right" => Some(Side::Right),
        "bilateral" | "bilaterally" => Some(Side::Both),
        _ => None,
    }
}

/// A side of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
    Both,
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Both => "bilateral",
        }
    }
}

/// Whether two words are forms of one: equal stems, a long common beginning, or listed as the same.
pub(crate) fn same(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let (x, y) = (stem(a), stem(b));
    let (short, long) = if x.len() <= y.len() {
        (&x, &y)
    } else {
        (&y, &x)
    };
    // "consolidat-ed" and "consolidat-ion", but not "hyper-inflation" and "hyper-tension".
    let begins = short.chars().count() >= 5
        && long.starts_with(short.as_str())
        && long.len() - short.len() <= 4;
    let listed = |word: &str, form: &str, stemmed: &str| word == form || stem(word) == stemmed;
    x == y
        || begins
        || SAME.iter().any(|group| {
            group.iter().any(|w| listed(w, a, &x)) && group.iter().any(|w| listed(w, b, &y))
        })
}

fn stem(word: &str) -> String {
    const ENDINGS: [(&str, &str); 15] = [
        ("ically", "ic"),
        ("ations", "at"),
        ("ation", "at"),
        ("ated", "at"),
        ("ating", "at"),
        ("ies", "y"),
        ("ied", "y"),
        ("sses", "ss"),
        ("xes", "x"),
        ("ally", "al"),
        ("ing", ""),
        ("ions", "ion"),
        ("ed", ""),
        ("ly", ""),
        ("s", ""),
    ];
    for (ending, instead) in ENDINGS {
        if let Some(root) = word.strip_suffix(ending)
            && root.chars().count()
                >= if matches!(ending, "sses" | "xes") {
                    2
                } else {
                    4
                }
            && !(ending == "s"
                && (root.ends_with('s') || root.ends_with('i') || root.ends_with('u')))
        {
            return format!("{root}{instead}");
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_words() {
        for (a, b) in [
            ("effusion", "effusions"),
            ("consolidation", "consolidated"),
            ("opacities", "opacity"),
            ("tumour", "tumor"),
            ("pleura", "pleural"),
            ("masses", "mass"),
            ("calcified", "calcifies"),
            ("metastases", "metastases"),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("pneumonia", "pneumothorax"),
            ("atrial", "arterial"),
            ("left", "right"),
            ("mass", "massive"),
            ("hyperinflation", "hypertension"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
