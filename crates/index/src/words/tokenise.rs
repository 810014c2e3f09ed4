//! Text → words. Scripts that write no spaces (Han, kana, Hangul) become overlapping pairs of characters, which need no
//! dictionary; all else is words of letters and digits. Both are folded (NFKC), so that full-width letters, half-width
//! katakana and unjoined accents are found as the plain ones, and traditional Chinese characters as the simplified.

use std::collections::HashMap;
use std::sync::LazyLock;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Pairs of a traditional character and its simplified form, from `OpenCC`'s `TSCharacters` (Apache-2.0).
static SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    include_str!("simplified.txt")
        .lines()
        .flat_map(|line| {
            let letters: Vec<char> = line.chars().collect();
            letters
                .chunks_exact(2)
                .map(|pair| (pair[0], pair[1]))
                .collect::<Vec<_>>()
        })
        .collect()
});

/// Between sentences that are searched as one field: words on either side lie [`SENTENCE_GAP`] places apart.
pub(super) const SENTENCE_END: &str = "\u{2029}";
/// Places left between two sentences: more than any two words of one query may lie apart.
pub(super) const SENTENCE_GAP: usize = 64;

/// Which tokens a run of characters without spaces gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    /// Every pair and every single character: what is written to the index.
    Written,
    /// Pairs; the character itself where it stands alone: what is asked of the index.
    Asked,
}

/// Splits text into words and pairs.
#[derive(Debug, Clone)]
pub(super) struct WordTokenizer {
    runs: Runs,
    tokens: Vec<Token>,
}

impl WordTokenizer {
    pub(super) fn new(runs: Runs) -> Self {
        Self {
            runs,
            tokens: Vec::new(),
        }
    }
}

/// The tokens of one text, in the order of their places.
pub(super) struct WordStream<'a> {
    tokens: &'a mut [Token],
    /// One past the token at hand.
    next: usize,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.tokens.clear();
        Splitter {
            runs: self.runs,
            tokens: &mut self.tokens,
            position: 0,
        }
        .split(text);
        WordStream {
            tokens: &mut self.tokens,
            next: 0,
        }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        self.next += 1;
        self.next <= self.tokens.len()
    }

    fn token(&self) -> &Token {
        &self.tokens[self.next - 1]
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.tokens[self.next - 1]
    }
}

/// A letter with its marks, folded, and the bytes it came from.
struct Letter {
    folded: String,
    from: usize,
    to: usize,
    unspaced: bool,
}

struct Splitter<'a> {
    runs: Runs,
    tokens: &'a mut Vec<Token>,
    position: usize,
}

impl Splitter<'_> {
    fn split(mut self, text: &str) {
        let mut run: Vec<Letter> = Vec::new();
        let mut letters = text.char_indices().peekable();
        while let Some((from, letter)) = letters.next() {
            if !letter.is_alphanumeric() {
                self.end(&mut run);
                if SENTENCE_END.contains(letter) {
                    self.position += SENTENCE_GAP;
                }
                continue;
            }
            let mut to = from + letter.len_utf8();
            while let Some((at, mark)) = letters.next_if(|(_, next)| joins(*next)) {
                to = at + mark.len_utf8();
            }
            let folded = folded(&text[from..to]);
            let unspaced = folded.chars().next().is_some_and(is_unspaced);
            if run.last().is_some_and(|last| last.unspaced != unspaced) {
                self.end(&mut run);
            }
            run.push(Letter {
                folded,
                from,
                to,
                unspaced,
            });
        }
        self.end(&mut run);
    }

    /// Makes tokens of a run of one kind.
    fn end(&mut self, run: &mut Vec<Letter>) {
        match run.first() {
            None => {}
            Some(first) if first.unspaced => {
                for at in 0..run.len() {
                    let alone = run.len() == 1;
                    if alone || self.runs == Runs::Written {
                        self.push(&run[at..=at]);
                    }
                    if at + 1 < run.len() {
                        self.push(&run[at..at + 2]);
                    }
                    self.position += 1;
                }
            }
            Some(_) => {
                self.push(run);
                self.position += 1;
            }
        }
        run.clear();
    }

    fn push(&mut self, letters: &[Letter]) {
        let (Some(first), Some(last)) = (letters.first(), letters.last()) else {
            return;
        };
        self.tokens.push(Token {
            offset_from: first.from,
            offset_to: last.to,
            position: self.position,
            text: letters
                .iter()
                .map(|letter| letter.folded.as_str())
                .collect(),
            position_length: 1,
        });
    }
}

/// Marks that belong to the letter before them: accents, and the voicing marks of half-width katakana.
fn joins(letter: char) -> bool {
    is_combining_mark(letter) || matches!(letter, '\u{ff9e}' | '\u{ff9f}')
}

fn folded(letter: &str) -> String {
    if letter.is_ascii() {
        return letter.to_owned();
    }
    letter
        .nfkc()
        .map(|part| SIMPLIFIED.get(&part).copied().unwrap_or(part))
        .collect()
}

/// Characters of scripts that put no space between words, or (Hangul) join particles to them.
pub(super) fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{3105}'..='\u{312f}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{1100}'..='\u{11ff}'
        | '\u{3131}'..='\u{318e}' | '\u{ac00}'..='\u{d7a3}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(runs: Runs, text: &str) -> Vec<(String, usize, &str)> {
        let mut tokenizer = WordTokenizer::new(runs);
        let mut stream = tokenizer.token_stream(text);
        let mut tokens = Vec::new();
        stream.process(&mut |token| {
            let bytes = &text[token.offset_from..token.offset_to];
            tokens.push((token.text.clone(), token.position, bytes));
        });
        tokens
    }

    fn texts(runs: Runs, text: &str) -> Vec<String> {
        split(runs, text)
            .into_iter()
            .map(|(text, ..)| text)
            .collect()
    }

    #[test]
    fn runs_without_spaces_become_pairs() {
        assert_eq!(texts(Runs::Asked, "胸腔积液"), ["胸腔", "腔积", "积液"]);
        assert_eq!(texts(Runs::Asked, "癌"), ["癌"]);
        assert_eq!(
            split(Runs::Written, "肺癌 CT検査"),
            [
                ("肺".into(), 0, "肺"),
                ("肺癌".into(), 0, "肺癌"),
                ("癌".into(), 1, "癌"),
                ("CT".into(), 2, "CT"),
                ("検".into(), 3, "検"),
                ("検查".into(), 3, "検査"),
                ("查".into(), 4, "査"),
            ]
        );
        assert_eq!(texts(Runs::Asked, "기흉 없음"), ["기흉", "없음"]);
        assert_eq!(texts(Runs::Asked, "3mm結節、無"), ["3mm", "结节", "无"]);
    }

    #[test]
    fn widths_and_traditional_forms_are_folded() {
        assert_eq!(texts(Runs::Asked, "ＣＴ１２"), ["CT12"]);
        assert_eq!(texts(Runs::Asked, "ﾎﾟﾘｰﾌﾟ"), texts(Runs::Asked, "ポリープ"));
        assert_eq!(
            texts(Runs::Asked, "氣胸與胸腔積液"),
            texts(Runs::Asked, "气胸与胸腔积液")
        );
        assert_eq!(texts(Runs::Asked, "e\u{301}panchement"), ["épanchement"]);
        assert_eq!(split(Runs::Asked, "ﾎﾟﾘ")[0], ("ポリ".into(), 0, "ﾎﾟﾘ"));
    }

    #[test]
    fn the_table_holds_pairs() {
        assert!(SIMPLIFIED.len() > 2_900);
        assert!(SIMPLIFIED.iter().all(|(from, to)| from != to));
        assert_eq!(SIMPLIFIED.get(&'節'), Some(&'节'));
    }
}
