//! Strips and tiles of a TIFF that share their bytes. Writers let blank tiles share one range, which is fine; a few
//! kilobytes whose thousands of tiles are all the same range are a bomb. Both readers of TIFFs, that of pictures and
//! that of slides, ask here before they decode anything.

use tiff::tags::CompressionMethod;

/// How often the bytes of a file may be read over.
pub(crate) const READ_OVER: u64 = 16;
/// Said when a file makes its reader go over the same bytes again and again.
pub(crate) const OVERLAPS: &str = "its directories or tiles lie over one another";
/// So many bytes of pixels may come out of shared ranges, whatever these hold: a small blank picture.
const BLANK_BYTES: u64 = 1 << 24;

/// The strips or tiles of a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shares {
    /// Bytes of all of them, shared ones each time.
    stored: u64,
    /// Bytes of the file that they take, at the least.
    own: u64,
}

impl Shares {
    /// Of places and lengths. What lies beyond the end of the file counts for nothing.
    pub(crate) fn of(places: &[u64], lengths: &[u64], file_len: u64) -> Self {
        let mut ranges: Vec<(u64, u64)> = places
            .iter()
            .zip(lengths)
            .map(|(place, length)| (*place, (*length).min(file_len.saturating_sub(*place))))
            .filter(|(_, length)| *length > 0)
            .collect();
        let stored = ranges
            .iter()
            .fold(0u64, |sum, (_, length)| sum.saturating_add(*length));
        // Of ranges that start at one place the shortest counts, and each ends where the next starts: one long range
        // under many short ones makes none of them larger.
        ranges.sort_unstable();
        ranges.dedup_by_key(|(place, _)| *place);
        let next = ranges
            .iter()
            .skip(1)
            .map(|(place, _)| *place)
            .chain([u64::MAX]);
        let own = ranges
            .iter()
            .zip(next)
            .map(|((place, length), next)| (*length).min(next - place))
            .sum();
        Self { stored, own }
    }

    /// Whether the same bytes stand for too many strips or tiles.
    pub(crate) fn lie_over_one_another(self) -> bool {
        self.stored / READ_OVER > self.own
    }

    /// Whether they could hold so many bytes of pixels, of which one stored byte makes `ratio` at most: asked before
    /// memory is taken for those.
    pub(crate) fn could_hold(self, bytes_needed: u64, ratio: u64) -> bool {
        let by_own = || bytes_needed / ratio.max(READ_OVER) <= self.own;
        bytes_needed / ratio.max(1) <= self.stored && (bytes_needed <= BLANK_BYTES || by_own())
    }
}

/// Bytes of pixels that one stored byte makes at most, in rows of `width_px`; `None` for what has no known bound.
pub(crate) fn expansion(compression: CompressionMethod, width_px: u64) -> Option<u64> {
    Some(match compression {
        CompressionMethod::None => 1,
        // Two bytes stand for at most 128.
        CompressionMethod::PackBits => 64,
        CompressionMethod::Deflate | CompressionMethod::OldDeflate => 1032,
        // A code of 12 bits stands for at most 4095 bytes.
        CompressionMethod::LZW => 2730,
        // A bit at least for a block of 64 pixels, each of which may be spread over 4×4.
        CompressionMethod::ModernJPEG => 64 * 8 * 16,
        // A bit at least for a row, which is as wide as it says.
        CompressionMethod::Fax4 => width_px.max(1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_bytes_count_once_and_those_beyond_the_end_not_at_all() {
        let shares = Shares::of(&[10, 10, 10, 50, 0], &[20, 5, 5, 900, 0], 100);
        assert_eq!(
            shares,
            Shares {
                stored: 80,
                own: 55
            }
        );
        let one_under_all = Shares::of(&[0, 10, 20, 30], &[1000, 5, 5, 5], 1000);
        assert_eq!(one_under_all.own, 25);
        let beyond = Shares::of(&[200, u64::MAX], &[10, 10], 100);
        assert_eq!((beyond.stored, beyond.own), (0, 0));
        assert!(!beyond.lie_over_one_another());
    }

    #[test]
    fn blank_tiles_may_share_a_range_as_long_as_there_are_others() {
        let blank = [(8, 300); 900];
        let all_blank = Shares::of(&blank.map(|tile| tile.0), &blank.map(|tile| tile.1), 90_000);
        assert!(all_blank.lie_over_one_another());
        let places: Vec<u64> = blank.iter().map(|tile| tile.0).chain([400]).collect();
        let lengths: Vec<u64> = blank.iter().map(|tile| tile.1).chain([50_000]).collect();
        let with_one_more = Shares::of(&places, &lengths, 90_000);
        assert!(!with_one_more.lie_over_one_another());
        assert!(with_one_more.could_hold(901 << 16, 1032) == ((901 << 16) / 1032 <= 50_300));
        assert!(all_blank.could_hold(1 << 24, 1032) && !all_blank.could_hold(1 << 25, 1032));
    }
}
