//! Masking of identifiers in report texts.
//!
//! Known identifiers are found in the forms people write them in; beyond them whatever has the shape of an
//! identifier (phone, e-mail, UID, "MRN: …", "Dr. …"). A name that is also a clinical word ("Hand") is masked only where
//! it stands like a name. What it cannot do: find an unknown name in running prose.

mod dates;
mod names;
mod patterns;

use std::fmt;
use std::ops::Range;

use crate::fold::fold_char;

/// What is known of a patient from a header or manifest, to be masked wherever it occurs.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Identifiers {
    /// Names of the patient and of named staff, in any form ("DOE^JANE", "Jane Doe").
    pub names: Vec<String>,
    /// Patient ids, accession numbers, UIDs, anything matched literally.
    pub ids: Vec<String>,
    /// Birth dates (`yyyymmdd` or `yyyy-mm-dd`).
    pub dates: Vec<String>,
}

impl fmt::Debug for Identifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Identifiers({} names, {} ids, {} dates)",
            self.names.len(),
            self.ids.len(),
            self.dates.len()
        )
    }
}

/// A masked text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Masked {
    /// The text with `[name]`, `[id]`, `[date]` in place of identifiers.
    pub text: String,
    /// How many places were masked.
    pub count: usize,
}

/// What a masked place held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    Id,
    Date,
}

/// A place to mask, in bytes of the original text.
type Found = (Range<usize>, Kind);

/// Masks the known identifiers, and what looks like an identifier, in a text.
#[must_use]
pub fn mask(text: &str, known: &Identifiers) -> Masked {
    let folded = Folded::new(text);
    let mut found = names::find(text, &folded, &known.names);
    found.extend(patterns::find_ids(&folded, &known.ids));
    found.extend(dates::find(&folded, &known.dates));
    found.extend(patterns::find_shapes(text, &folded));
    found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let mut merged: Vec<Found> = Vec::new();
    for (range, kind) in found {
        match merged.last_mut() {
            Some((last, _)) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push((range, kind)),
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (range, kind) in &merged {
        out.push_str(&text[from..range.start]);
        out.push_str(match kind {
            Kind::Name => "[name]",
            Kind::Id => "[id]",
            Kind::Date => "[date]",
        });
        from = range.end;
    }
    out.push_str(&text[from..]);
    Masked {
        text: out,
        count: merged.len(),
    }
}

/// A text in lower case without accents that knows where each byte came from.
struct Folded {
    text: String,
    /// For each byte of `text`, the original character's range.
    origin: Vec<(usize, usize)>,
}

impl Folded {
    fn new(original: &str) -> Self {
        let mut text = String::with_capacity(original.len());
        let mut origin = Vec::with_capacity(original.len());
        for (at, c) in original.char_indices() {
            let before = text.len();
            text.extend(fold_char(c));
            origin.resize(origin.len() + text.len() - before, (at, at + c.len_utf8()));
        }
        Self { text, origin }
    }

    /// The original's range for a non-empty range of the folded text.
    fn original(&self, range: Range<usize>) -> Range<usize> {
        self.origin[range.start].0..self.origin[range.end - 1].1
    }

    /// Whether the range is not glued to letters or digits on either side.
    fn stands_alone(&self, range: &Range<usize>) -> bool {
        let before = self.text[..range.start].chars().next_back();
        let after = self.text[range.end..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    }
}
