//! Known birth dates in the common ways of writing them.

use regex::Regex;

use super::{Folded, Found, Kind};

/// English, French, German, Spanish, folded and without a dot, by month.
const MONTHS: [&str; 12] = [
    "january|jan|janvier|janv|januar|janner|enero|ene",
    "february|feb|fevrier|fevr|februar|febrero",
    "march|mar|mars|marz|maerz|marzo",
    "april|apr|avril|avr|abril|abr",
    "may|mai|mayo",
    "june|jun|juin|juni|junio",
    "july|jul|juillet|juil|juli|julio",
    "august|aug|aout|agosto|ago",
    "september|sept|sep|septembre|septiembre",
    "october|oct|octobre|oktober|okt|octubre",
    "november|nov|novembre|noviembre",
    "december|dec|decembre|dezember|dez|diciembre|dic",
];

/// Places of the known dates.
pub(super) fn find(folded: &Folded, dates: &[String]) -> Vec<Found> {
    let mut found = Vec::new();
    for (year, month, day) in dates.iter().filter_map(|d| parse(d)) {
        let Some(pattern) = pattern(year, month, day) else {
            continue;
        };
        for hit in pattern
            .find_iter(&folded.text)
            .map(|m| m.range())
            .filter(|r| folded.stands_alone(r))
        {
            found.push((folded.original(hit), Kind::Date));
        }
    }
    found
}

/// Year, month, day of a DICOM DA (`yyyymmdd`) or ISO date.
fn parse(date: &str) -> Option<(u32, u32, u32)> {
    let digits: String = date.chars().filter(char::is_ascii_digit).take(8).collect();
    if digits.len() != 8 || !date.trim().is_ascii() {
        return None;
    }
    let number = |range: std::ops::Range<usize>| digits[range].parse::<u32>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some((year, month, day))
}

fn pattern(year: u32, month: u32, day: u32) -> Option<Regex> {
    let names = MONTHS.get(usize::try_from(month).ok()? - 1)?;
    let short = year % 100;
    let sep = r"\s?[-./]\s?";
    let ways = [
        format!("{year}{month:02}{day:02}"),
        format!("{year}{sep}0?{month}{sep}0?{day}"),
        format!("0?{day}{sep}0?{month}{sep}(?:{year}|{short:02})"),
        format!("0?{month}{sep}0?{day}{sep}(?:{year}|{short:02})"),
        format!(
            r"0?{day}(?:st|nd|rd|th|er|\.)?[\s-]*(?:of\s+|de\s+)?(?:{names})\.?,?[\s-]*(?:de\s+|del\s+)?(?:{year}|{short:02})"
        ),
        format!(r"(?:{names})\.?\s*0?{day}(?:st|nd|rd|th)?,?\s*{year}"),
    ];
    Regex::new(&format!("(?:{})", ways.join("|"))).ok()
}
