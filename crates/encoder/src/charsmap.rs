//! SentencePiece's normaliser (`src/normalizer.cc`): a table of replacements of which the longest that fits is taken,
//! and its treatment of spaces. The `tokenizers` crate applies the same table grapheme by grapheme and takes the
//! shortest that fits, which loses combining marks; so the table is read here. Believes nothing of it: a table of
//! nonsense replaces nothing or the wrong thing, and never reads beside itself.

/// What SentencePiece writes for a space.
pub(crate) const SPACE: char = '\u{2581}';

/// A table of replacements: a double array (darts-clone) over the bytes of what is replaced, then the replacements,
/// each ended by a zero byte.
pub(crate) struct Charsmap {
    units: Vec<u32>,
    replacements: String,
}

impl Charsmap {
    /// Reads `precompiled_charsmap`; `None` where it is not such a table.
    pub fn parse(blob: &[u8]) -> Option<Self> {
        let (length, rest) = blob.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (array, replacements) = rest.split_at_checked(length)?;
        let (units, odd) = array.as_chunks::<4>();
        if units.is_empty() || !odd.is_empty() {
            return None;
        }
        Some(Self {
            units: units.iter().map(|unit| u32::from_le_bytes(*unit)).collect(),
            replacements: String::from_utf8(replacements.to_vec()).ok()?,
        })
    }

    /// The longest entry that `text` begins with: its length and what stands for it.
    fn longest(&self, text: &str) -> Option<(usize, &str)> {
        let unit = |at: u32| self.units.get(at as usize).copied();
        let mut at = offset(unit(0)?);
        let mut found = None;
        for (index, byte) in text.bytes().enumerate() {
            at ^= u32::from(byte);
            let Some(next) = unit(at) else { break };
            if byte == 0 || label(next) != u32::from(byte) {
                break;
            }
            at ^= offset(next);
            if next >> 8 & 1 == 1 {
                found = unit(at).map(|leaf| (index + 1, leaf & 0x7fff_ffff));
            }
        }
        let (length, start) = found?;
        let tail = self.replacements.get(start as usize..)?;
        let replacement = tail.split('\0').next()?;
        text.is_char_boundary(length)
            .then_some((length, replacement))
    }

    /// Replaces from left to right, writes [`SPACE`] for spaces, one for many, and none at either end.
    pub fn normalise(&self, text: &str) -> String {
        let mut normalised = String::with_capacity(text.len() + text.len() / 2);
        let mut rest = text;
        let mut after_space = true;
        while let Some(first) = rest.chars().next() {
            let single = first.len_utf8();
            let (length, part) = self.longest(rest).unwrap_or((single, &rest[..single]));
            rest = &rest[length..];
            let part = if after_space {
                part.trim_start_matches(' ')
            } else {
                part
            };
            if part.is_empty() {
                continue;
            }
            for letter in part.chars() {
                normalised.push(if letter == ' ' { SPACE } else { letter });
            }
            after_space = part.ends_with(' ');
        }
        normalised.truncate(normalised.trim_end_matches(SPACE).len());
        normalised
    }
}

/// Where a unit's children begin, as an exclusive or.
fn offset(unit: u32) -> u32 {
    (unit >> 10) << ((unit & 1 << 9) >> 6)
}

/// The byte that a unit stands for; a leaf has a bit that no byte has.
fn label(unit: u32) -> u32 {
    unit & (1 << 31 | 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of one-byte entries: the root's children lie at 256 and beyond, their leaves at 512 and beyond.
    fn table(entries: &[(u8, &str)]) -> Charsmap {
        let mut units = vec![0_u32; 1024];
        let mut replacements = String::new();
        units[0] = 256 << 10;
        for (byte, replacement) in entries {
            let at = 256 ^ u32::from(*byte);
            let leaf = 512 ^ u32::from(*byte);
            units[at as usize] = (at ^ leaf) << 10 | 1 << 8 | u32::from(*byte);
            units[leaf as usize] = 1 << 31 | u32::try_from(replacements.len()).unwrap();
            replacements.push_str(replacement);
            replacements.push('\0');
        }
        let mut blob = (units.len() as u32 * 4).to_le_bytes().to_vec();
        blob.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        blob.extend(replacements.bytes());
        Charsmap::parse(&blob).unwrap()
    }

    #[test]
    fn entries_are_replaced_and_spaces_are_made_one() {
        let table = table(&[(b'\t', " "), (b'x', ""), (b'w', " v"), (b'A', "ab")]);
        assert_eq!(table.normalise("A\t b"), "ab\u{2581}b");
        assert_eq!(table.normalise("  é x b  "), "é\u{2581}b");
        assert_eq!(table.normalise("a w"), "a\u{2581}v");
        assert_eq!(table.normalise("\u{2581} a"), "\u{2581}\u{2581}a");
        assert_eq!(table.normalise(" x\t"), "");
    }

    #[test]
    fn nonsense_is_no_table_or_replaces_nothing() {
        for blob in [
            &[][..],
            &[1, 0, 0],
            &[8, 0, 0, 0, 1],
            &[3, 0, 0, 0, 1, 2, 3],
            &[0; 4],
        ] {
            assert!(Charsmap::parse(blob).is_none(), "{blob:?}");
        }
        for unit in [u32::MAX, 1 << 8, 1 << 9 | 1 << 10, 0] {
            let mut blob = 8_u32.to_le_bytes().to_vec();
            blob.extend([unit.to_le_bytes(), unit.to_le_bytes()].concat());
            let table = Charsmap::parse(&blob).unwrap();
            assert_eq!(table.normalise("aé文 b"), "aé文\u{2581}b");
        }
    }
}
