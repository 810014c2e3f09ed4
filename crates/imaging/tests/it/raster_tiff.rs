//! TIFFs that no crate here writes: CCITT group 4, and tiles in LZW.

use std::collections::HashMap;

use casekin_imaging::{Rgb8, Source};

use crate::written::{reds, seen};

/// Bits, the highest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn put(&mut self, value: u32, len: u32) {
        for at in (0..len).rev() {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = (value >> at & 1) as u8;
            *self.bytes.last_mut().unwrap() |= bit << (7 - self.count % 8);
            self.count += 1;
        }
    }

    fn put_text(&mut self, bits: &str) {
        bits.bytes()
            .filter(|bit| *bit != b' ')
            .for_each(|bit| self.put(u32::from(bit == b'1'), 1));
    }
}

/// A classic TIFF of one page; every entry is of long values, which lie behind the directory where they are several.
fn tiff(entries: &[(u16, Vec<u32>)], data: &[u8]) -> Vec<u8> {
    let values_at = 8 + 2 + entries.len() as u32 * 12 + 4;
    let mut file = b"II\x2A\0\x08\0\0\0".to_vec();
    file.extend((entries.len() as u16).to_le_bytes());
    let mut values = Vec::new();
    for (tag, numbers) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(4u16.to_le_bytes());
        file.extend((numbers.len() as u32).to_le_bytes());
        if let [one] = numbers[..] {
            file.extend(one.to_le_bytes());
        } else {
            file.extend((values_at + values.len() as u32).to_le_bytes());
            values.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
    }
    file.extend([0; 4]);
    [file, values, data.to_vec()].concat()
}

#[test]
fn ccitt_group_4_is_read() {
    // ITU-T T.6: 5 white, 4 black in horizontal mode; in each row below both ends one to the right.
    let mut bits = Bits::default();
    bits.put_text("001 1100 011 1");
    (1..16).for_each(|_| bits.put_text("011 011 1"));
    bits.put_text("000000000001 000000000001");
    let at = 8 + 2 + 9 * 12 + 4;
    let entries = [
        (256, vec![32]),
        (257, vec![16]),
        (258, vec![1]),
        (259, vec![4]),
        (262, vec![0]),
        (273, vec![at]),
        (277, vec![1]),
        (278, vec![16]),
        (279, vec![bits.bytes.len() as u32]),
    ];
    let rgb = seen(Source::from_bytes("fax", tiff(&entries, &bits.bytes)), None);
    assert_eq!((rgb.width_px, rgb.height_px), (32, 16));
    let is_black = |x: usize, y: usize| (5 + y..9 + y).contains(&x);
    let places = (0..16).flat_map(|y| (0..32).map(move |x| (x, y)));
    let expected: Vec<u8> = places
        .map(|(x, y)| if is_black(x, y) { 0 } else { 255 })
        .collect();
    assert_eq!(reds(&rgb), expected);
}

/// TIFF 6.0, section 13.
fn lzw(bytes: &[u8]) -> Vec<u8> {
    const CLEAR: u32 = 256;
    const END: u32 = 257;
    let mut bits = Bits::default();
    let mut codes: HashMap<Vec<u8>, u32> = (0..=255).map(|byte| (vec![byte as u8], byte)).collect();
    let (mut next, mut len) = (258, 9);
    let mut word: Vec<u8> = Vec::new();
    bits.put(CLEAR, len);
    for byte in bytes {
        let longer = [&word[..], &[*byte]].concat();
        if codes.contains_key(&longer) {
            word = longer;
            continue;
        }
        bits.put(codes[&word], len);
        codes.insert(longer, next);
        next += 1;
        // After entry 511 codes have ten bits.
        if next == 1 << len {
            len += 1;
        }
        word = vec![*byte];
    }
    bits.put(codes[&word], len);
    next += 1;
    if next == 1 << len {
        len += 1;
    }
    bits.put(END, len);
    bits.bytes
}

#[test]
fn tiles_in_lzw_are_read() {
    let (width, height, side) = (50usize, 40usize, 32usize);
    let colour = |x: usize, y: usize| [(x * 5) as u8, (y * 6) as u8, (x / 8 * y / 8) as u8];
    let mut data = Vec::new();
    let (mut places, mut lengths) = (Vec::new(), Vec::new());
    let at = 8 + 2 + 11 * 12 + 4 + (3 + 4 + 4) * 4;
    for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let pixels = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
        let tile: Vec<u8> = pixels
            .flat_map(|(x, y)| colour(column * side + x, row * side + y))
            .collect();
        let packed = lzw(&tile);
        places.push(at + data.len() as u32);
        lengths.push(packed.len() as u32);
        data.extend(packed);
    }
    let entries = [
        (256, vec![width as u32]),
        (257, vec![height as u32]),
        (258, vec![8, 8, 8]),
        (259, vec![5]),
        (262, vec![2]),
        (277, vec![3]),
        (284, vec![1]),
        (322, vec![side as u32]),
        (323, vec![side as u32]),
        (324, places),
        (325, lengths),
    ];
    let rgb = seen(Source::from_bytes("tiles", tiff(&entries, &data)), None);
    let all = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let expected = Rgb8 {
        width_px: width as u32,
        height_px: height as u32,
        pixels: all.flat_map(|(x, y)| colour(x, y)).collect(),
    };
    assert!(rgb == expected);
}
