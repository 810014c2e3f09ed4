//! DICOM dates (DA) and ages (AS), PS3.5 6.2.

/// `YYYYMMDD`, or the older `YYYY.MM.DD`, as `YYYY-MM-DD`; `None` for what is no date.
pub(crate) fn iso_date(written: &str) -> Option<String> {
    let digits: String = written
        .trim()
        .chars()
        .filter(|c| *c != '.' && *c != '-')
        .collect();
    if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (month, day): (u32, u32) = (digits[4..6].parse().ok()?, digits[6..8].parse().ok()?);
    let sound = (1..=12).contains(&month) && (1..=31).contains(&day) && &digits[..4] >= "1800";
    sound.then(|| format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..8]))
}

/// `nnnD`, `nnnW`, `nnnM` or `nnnY` (a bare number counts years) in years.
pub(crate) fn age_years(written: &str) -> Option<f32> {
    let written = written.trim();
    let digits = written.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let count: f32 = digits.parse().ok()?;
    let per_year = match &written[digits.len()..] {
        "Y" | "y" | "" => 1.0,
        "M" | "m" => 12.0,
        "W" | "w" => 52.18,
        "D" | "d" => 365.25,
        _ => return None,
    };
    let years = count / per_year;
    (0.0..=150.0).contains(&years).then_some(years)
}

/// Years between two ISO dates; `None` when the second comes first.
pub(crate) fn years_between(from: &str, to: &str) -> Option<f32> {
    let days = |date: &str| -> Option<f32> {
        let mut parts = date.split('-').map(|part| part.parse::<f32>().ok());
        Some(parts.next()?? * 365.25 + (parts.next()?? - 1.0) * 30.44 + parts.next()??)
    };
    let years = (days(to)? - days(from)?) / 365.25;
    (0.0..=150.0).contains(&years).then_some(years)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_checked_and_written_as_iso() {
        assert_eq!(iso_date("20240229").as_deref(), Some("2024-02-29"));
        assert_eq!(iso_date("1997.04.24").as_deref(), Some("1997-04-24"));
        for wrong in ["", "2024", "20241301", "20240100", "00000101", "2024022a"] {
            assert_eq!(iso_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ages_have_units() {
        assert_eq!(age_years("063Y"), Some(63.0));
        assert_eq!(age_years("018M"), Some(1.5));
        assert!((age_years("010D").unwrap() - 0.027).abs() < 0.001);
        assert_eq!(age_years("999Y"), None);
        assert_eq!(age_years("old"), None);
        assert!((years_between("1960-06-15", "2020-06-15").unwrap() - 60.0).abs() < 0.01);
        assert_eq!(years_between("2020-01-01", "1960-01-01"), None);
    }
}
