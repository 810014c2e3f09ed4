//! Folding of case and accents, with a way back to the original bytes.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case without accents; ß becomes ss, ø o, æ ae, œ oe, ł l.
pub(crate) fn fold(text: &str) -> String {
    text.chars().flat_map(fold_char).collect()
}

/// The folded characters of one character.
pub(crate) fn fold_char(c: char) -> Vec<char> {
    if c.is_ascii() {
        return vec![c.to_ascii_lowercase()];
    }
    let mut folded = Vec::with_capacity(2);
    for part in c.to_lowercase().nfd().filter(|p| !is_combining_mark(*p)) {
        match part {
            'ß' => folded.extend(['s', 's']),
            'ø' => folded.push('o'),
            'æ' => folded.extend(['a', 'e']),
            'œ' => folded.extend(['o', 'e']),
            'ł' => folded.push('l'),
            'đ' => folded.push('d'),
            '’' | '‘' => folded.push('\''),
            other => folded.push(other),
        }
    }
    folded
}
