//! Chinese, Japanese and Korean reports: polarity, sentences, headings, queries.

use Polarity::{Affirmed, Historical, Negated, Uncertain};
use casekin_reports::{Language, Polarity, SectionKind, analyse, passages, query_words};

#[track_caller]
fn check(sentence: &str, wanted: &[(&str, Polarity)]) {
    let analysis = analyse(sentence);
    for (finding, polarity) in wanted {
        let said: Vec<Polarity> = analysis
            .sentences
            .iter()
            .filter(|clause| clause.text.contains(finding))
            .map(|clause| clause.polarity)
            .collect();
        assert_eq!(
            said,
            [*polarity],
            "{finding} in {sentence}: {:#?}",
            analysis.sentences
        );
    }
}

#[test]
fn chinese() {
    check(
        "双肺纹理清晰，未见实变。",
        &[("纹理", Affirmed), ("实变", Negated)],
    );
    check(
        "未见气胸及胸腔积液。",
        &[("气胸", Negated), ("胸腔积液", Negated)],
    );
    check(
        "右肺上叶见结节，无钙化、空洞。",
        &[("结节", Affirmed), ("钙化", Negated), ("空洞", Negated)],
    );
    check(
        "右侧胸腔积液，没有气胸",
        &[("胸腔积液", Affirmed), ("气胸", Negated)],
    );
    check(
        "左側胸腔積液，未見氣胸。",
        &[("胸腔積液", Affirmed), ("氣胸", Negated)],
    );
    check(
        "两肺未见明显结节影，右下肺炎症。",
        &[("结节", Negated), ("炎症", Affirmed)],
    );
    check(
        "右肺结节，考虑肺癌可能。",
        &[("结节", Affirmed), ("肺癌", Uncertain)],
    );
    check("不能排除肺栓塞。", &[("肺栓塞", Uncertain)]);
    check("既往有肺结核病史。", &[("肺结核", Historical)]);
    check("右肺癌术后改变。", &[("右肺癌", Historical)]);
    check("结节较前无明显变化。", &[("结节", Affirmed)]);
    check(
        "右肺结节但未见胸水",
        &[("结节", Affirmed), ("胸水", Negated)],
    );
    check("右肺中葉無氣肺。", &[("無氣肺", Affirmed)]);
    check(
        "气胸（-），胸水（+）",
        &[("气胸", Negated), ("胸水", Affirmed)],
    );
}

#[test]
fn japanese() {
    check("気胸は認めない。", &[("気胸", Negated)]);
    check(
        "胸水、気胸は認めません。",
        &[("胸水", Negated), ("気胸", Negated)],
    );
    check(
        "右上葉に結節を認め、胸水は認めない。",
        &[("結節", Affirmed), ("胸水", Negated)],
    );
    check("明らかなリンパ節腫大なし。", &[("リンパ節腫大", Negated)]);
    check(
        "骨折は認めず、軟部組織の腫脹を認める。",
        &[("骨折", Negated), ("腫脹", Affirmed)],
    );
    check(
        "結節を認めるが胸水はみられない。",
        &[("結節", Affirmed), ("胸水", Negated)],
    );
    check("肺癌の疑い。", &[("肺癌", Uncertain)]);
    check("肺塞栓は否定できない。", &[("肺塞栓", Uncertain)]);
    check("肺癌術後。", &[("肺癌", Historical)]);
    check("右中葉に無気肺を認める。", &[("無気肺", Affirmed)]);
    check("結節に変化なし。", &[("結節", Affirmed)]);
}

#[test]
fn korean() {
    check("기흉 없음.", &[("기흉", Negated)]);
    check("기흉은 보이지 않음.", &[("기흉", Negated)]);
    check(
        "흉수, 기흉은 관찰되지 않습니다.",
        &[("흉수", Negated), ("기흉", Negated)],
    );
    check(
        "우상엽에 결절이 있으며, 흉수는 없음.",
        &[("결절", Affirmed), ("흉수", Negated)],
    );
    check(
        "좌측 흉수 있음. 골절 없음.",
        &[("흉수", Affirmed), ("골절", Negated)],
    );
    check("폐암 의심.", &[("폐암", Uncertain)]);
    check("폐색전증을 배제할 수 없음.", &[("폐색전증", Uncertain)]);
    check("폐결핵의 과거력.", &[("폐결핵", Historical)]);
    check("결절은 변화 없음.", &[("결절", Affirmed)]);
}

#[test]
fn sentences_end_without_a_space() {
    let analysis = analyse("右侧气胸。未见积液！肺癌？心影增大；主动脉钙化");
    let said: Vec<_> = analysis
        .sentences
        .iter()
        .map(|s| (s.text.as_str(), s.polarity))
        .collect();
    assert_eq!(
        said,
        [
            ("右侧气胸。", Affirmed),
            ("未见积液！", Negated),
            ("肺癌？", Uncertain),
            ("心影增大", Affirmed),
            ("主动脉钙化", Affirmed),
        ]
    );
    assert_eq!(analysis.language, Language::Other);
}

#[test]
fn headings() {
    use SectionKind::{Findings, History, Impression};
    let kinds = |text: &str| -> Vec<SectionKind> {
        analyse(text)
            .sections
            .iter()
            .map(|section| section.kind)
            .collect()
    };
    for text in [
        "影像所见：双肺清晰。\n诊断意见：未见异常。",
        "影像所見：雙肺清晰。診斷：未見異常。",
        "【影像所见】双肺清晰。\n【印象】未见异常。",
        "所見\n結節を認める。\n診断\n肺癌の疑い。",
        "【所見】結節を認める。【診断】肺癌の疑い。",
        "소견:\n결절 있음.\n결론: 폐암 의심.",
    ] {
        assert_eq!(kinds(text), [Findings, Impression], "{text}");
    }
    assert_eq!(
        kinds("临床病史：咳嗽。\n检查所见：右肺结节。\n印象：肺癌？"),
        [History, Findings, Impression]
    );
}

#[test]
fn queries() {
    for (query, wanted, denied) in [
        ("无气胸", "", vec!["气胸"]),
        ("未见明显气胸及胸腔积液", "", vec!["气胸", "胸腔积液"]),
        ("右肺结节 无钙化", "右肺结节", vec!["钙化"]),
        ("沒有氣胸", "", vec!["氣胸"]),
        ("気胸なし", "", vec!["気胸"]),
        ("気胸は認めない", "", vec!["気胸"]),
        ("胸水や気胸を認めない", "", vec!["胸水", "気胸"]),
        ("기흉 없음", "", vec!["기흉"]),
        ("기흉은 보이지 않음", "", vec!["기흉"]),
        ("気胸", "気胸", vec![]),
        ("\"右側 気胸\" 胸水", "\"右側 気胸\" 胸水", vec![]),
    ] {
        let words = query_words(query);
        assert_eq!(
            (words.affirmed.as_str(), words.negated),
            (wanted, denied.iter().map(|d| (*d).to_owned()).collect()),
            "{query}"
        );
    }
}

#[test]
fn clauses_are_found_by_their_words_and_lie_in_the_text() {
    let analysis = analyse("心影增大。右侧大量气胸。");
    let found: Vec<_> = passages(&analysis, "气胸", 3)
        .iter()
        .map(|s| s.text.as_str())
        .collect();
    assert_eq!(found, ["右侧大量气胸。"]);
    for piece in [
        "气胸、",
        "未见，",
        "が、無",
        "없음 ",
        "認めない",
        "：【】",
        "｡ﾎﾟ",
    ] {
        let text = piece.repeat(5_000);
        let analysis = analyse(&text);
        assert!(
            analysis
                .sentences
                .iter()
                .all(|s| text.get(s.start..s.end).is_some()),
            "{piece}"
        );
        assert!(query_words(&text).affirmed.len() <= 16_000);
    }
}

#[test]
fn sentences_as_reports_write_them() {
    check(
        "心影大小、形态正常，主动脉未见钙化，双侧肋膈角锐利。",
        &[("心影", Affirmed), ("钙化", Negated), ("肋膈角", Affirmed)],
    );
    check(
        "纵隔内未见明显肿大淋巴结，双侧胸腔未见积液。",
        &[("淋巴结", Negated), ("积液", Negated)],
    );
    check(
        "右肺下葉見一實性結節，直徑約８mm，邊緣清楚，無毛刺徵。",
        &[("結節", Affirmed), ("毛刺", Negated)],
    );
    check(
        "脑实质内未见异常密度影，中线结构无移位。",
        &[("异常密度", Negated), ("移位", Negated)],
    );
    check(
        "左侧第5肋骨骨折，无明显移位。",
        &[("骨折", Affirmed), ("移位", Negated)],
    );
    check(
        "双肺多发磨玻璃影，病毒性肺炎不除外。",
        &[("磨玻璃", Affirmed), ("肺炎", Uncertain)],
    );
    check("与2023年CT比较，右肺结节增大。", &[("增大", Affirmed)]);
    check(
        "縦隔・肺門リンパ節の腫大は認められません。",
        &[("リンパ節", Negated)],
    );
    check(
        "両肺野に浸潤影なし。心拡大あり。",
        &[("浸潤影", Negated), ("心拡大", Affirmed)],
    );
    check(
        "右下葉に浸潤影があり、肺炎を疑う。",
        &[("浸潤影", Affirmed), ("肺炎", Uncertain)],
    );
    check(
        "胸水貯留や縦隔の偏位は見られない。",
        &[("胸水", Negated), ("偏位", Negated)],
    );
    check(
        "양측 폐에 활동성 병변은 보이지 않습니다.",
        &[("병변", Negated)],
    );
    check(
        "심비대 소견 보이며 폐부종은 없음.",
        &[("심비대", Affirmed), ("폐부종", Negated)],
    );
    check(
        "우하엽에 경화 소견이 있어 폐렴 가능성 있음.",
        &[("폐렴", Uncertain)],
    );
    check(
        "Right lung: 未见 pneumothorax。",
        &[("pneumothorax", Negated)],
    );
    check("No pneumothorax (気胸).", &[("pneumothorax", Negated)]);
}
