//! The words of a case: title, history, findings with what is absent, impression.

use crate::dice::Dice;
use crate::findings::catalogue;
use crate::plan::{CasePlan, Extent, Family, Side};

/// Body sites of skin pictures.
const SITES: [&str; 9] = [
    "forearm",
    "upper arm",
    "back",
    "shoulder",
    "chest",
    "thigh",
    "calf",
    "abdomen",
    "neck",
];

pub(crate) struct Words {
    pub(crate) title: String,
    pub(crate) report: String,
}

/// Of a case that shows these findings, the first of which names it.
pub(crate) fn write(plans: &[CasePlan], age_years: u32, sex: &str) -> Words {
    let plan = &plans[0];
    let mut dice = plan.case_dice(60);
    let site = dice.pick(&SITES);
    let title = title(plan, site);
    let person = match sex {
        "F" => "woman",
        _ => "man",
    };
    let history = dice.pick(plan.finding.histories);
    let mut seen = filled(dice.pick(plan.finding.seen), plan, site);
    let mut impression = filled(dice.pick(plan.finding.impressions), plan, site);
    let absent = denials(plans, &mut dice);
    for further in &plans[1..] {
        let mut dice = further.case_dice(60);
        for (text, sentences) in [
            (&mut seen, further.finding.seen),
            (&mut impression, further.finding.impressions),
        ] {
            text.push(' ');
            text.push_str(&filled(dice.pick(sentences), further, site));
        }
    }
    let report = format!(
        "{title}\n\nClinical history: {age_years}-year-old {person}. {history}\n\nFindings: {seen} {absent}\n\nImpression: {impression}\n"
    );
    Words { title, report }
}

fn title(plan: &CasePlan, site: &str) -> String {
    match plan.family {
        Family::Chest => "Chest radiograph, frontal".to_owned(),
        Family::Head => "CT head without contrast".to_owned(),
        Family::Abdomen => "CT abdomen without contrast".to_owned(),
        Family::Histology => "Histology, haematoxylin and eosin".to_owned(),
        Family::Fundus => format!("Fundus photograph, {} eye", side_word(plan)),
        Family::Skin => format!("Skin photograph, {site}"),
    }
}

fn side_word(plan: &CasePlan) -> &'static str {
    plan.side.map_or("", Side::word)
}

/// Two to four findings of the same family that the case does not show.
fn denials(plans: &[CasePlan], dice: &mut Dice) -> String {
    let shows = |key: &str| plans.iter().any(|plan| plan.shows(key));
    let mut others: Vec<&str> = catalogue()
        .filter(|f| f.family == plans[0].family && !shows(f.key) && !f.absent.is_empty())
        .map(|f| f.absent)
        .collect();
    let wanted = dice.count(2, 4) as usize;
    while others.len() > wanted {
        let gone = dice.count(0, others.len() as u32 - 1) as usize;
        others.remove(gone);
    }
    others.join(" ")
}

fn filled(sentence: &str, plan: &CasePlan, site: &str) -> String {
    let side = side_word(plan);
    let size = plan.finding.sizes[match plan.extent {
        Extent::Small => 0,
        Extent::Moderate => 1,
        Extent::Large => 2,
    }];
    sentence
        .replace("{side}", side)
        .replace("{Side}", &capital(side))
        .replace("{size}", size)
        .replace("{Size}", &capital(size))
        .replace("{site}", site)
        .replace("{cm}", &format!("{:.1}", diameter_cm(plan)))
}

/// Diameter of the lesions whose reports give one, from the radius they are drawn with.
fn diameter_cm(plan: &CasePlan) -> f32 {
    let (radius, field_cm) = match plan.finding.key {
        "lung_mass" => (plan.sized(0.058, 0.092), 35.0),
        "renal_cyst" => (plan.sized(0.068, 0.105), 40.0),
        _ => (plan.sized(0.078, 0.122), 40.0),
    };
    2.0 * radius * field_cm
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}
