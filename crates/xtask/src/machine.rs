//! What figures were taken on: processor, instruction sets, memory, GPUs. Never the machine's name, which is nobody's
//! business. Reads Linux's accounts; what it does not find it leaves out.

use std::collections::BTreeSet;
use std::fs;

use crate::process::output_of;

/// Extensions of x86-64 that decide how fast the encoder and the index are, by the kernel's names. AMX is three flags.
const INSTRUCTION_SETS: [(&str, &str); 5] = [
    ("avx2", "AVX2"),
    ("avx512f", "AVX-512"),
    ("avx512_vnni", "AVX-512 VNNI"),
    ("avx_vnni", "AVX-VNNI"),
    ("amx_tile", "AMX"),
];

/// `Intel(R) Xeon(R) Processor (AVX2, AVX-512), 2 cores, 24 GB of memory, x86_64, NVIDIA L4`.
pub fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let name = ["--query-gpu=name", "--format=csv,noheader"];
    let gpus = output_of("nvidia-smi", &name).unwrap_or_default();
    let mut parts = vec![processor(&cpuinfo), format!("{cores} cores")];
    parts.extend(memory(&meminfo));
    parts.push(std::env::consts::ARCH.to_owned());
    parts.extend(graphics(&gpus));
    parts.join(", ")
}

/// The processor's name and, in brackets, the instruction sets that matter here.
fn processor(cpuinfo: &str) -> String {
    let name = field(cpuinfo, "model name").unwrap_or("unknown processor");
    let flags: BTreeSet<&str> = field(cpuinfo, "flags")
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let sets: Vec<&str> = INSTRUCTION_SETS
        .iter()
        .filter(|(flag, _)| flags.contains(flag))
        .map(|(_, set)| *set)
        .collect();
    if sets.is_empty() {
        name.to_owned()
    } else {
        format!("{name} ({})", sets.join(", "))
    }
}

/// All memory, in GB of 10⁹ bytes.
fn memory(meminfo: &str) -> Option<String> {
    let kib: f64 = field(meminfo, "MemTotal")?
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()?;
    Some(format!("{:.0} GB of memory", kib * 1024.0 / 1e9))
}

/// The GPUs' names, one a line as `nvidia-smi` gives them; equal ones are counted.
fn graphics(names: &str) -> Vec<String> {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for name in names.lines().map(str::trim).filter(|name| !name.is_empty()) {
        match counted.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counted.push((name, 1)),
        }
    }
    counted
        .into_iter()
        .map(|(name, count)| match count {
            1 => name.to_owned(),
            _ => format!("{count} × {name}"),
        })
        .collect()
}

/// The value of the first line `key : value`.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_named_with_the_sets_that_matter() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some(R) Processor\n\
                       flags\t\t: fpu avx avx2 avx512f avx512_vnni amx_bf16 amx_tile\n\
                       vmx flags\t: avx_vnni\n\nprocessor\t: 1\nmodel name\t: Another\n";
        assert_eq!(
            processor(cpuinfo),
            "Some(R) Processor (AVX2, AVX-512, AVX-512 VNNI, AMX)"
        );
        assert_eq!(processor("model name : Old one\nflags : sse2\n"), "Old one");
        assert_eq!(processor(""), "unknown processor");
    }

    #[test]
    fn a_flag_that_only_begins_like_one_is_not_it() {
        assert_eq!(processor("model name: A\nflags: avx2x avx512fp16"), "A");
    }

    #[test]
    fn memory_is_told_in_gigabytes() {
        let meminfo = "MemTotal:       24731708 kB\nMemFree:         1000000 kB\n";
        assert_eq!(memory(meminfo).as_deref(), Some("25 GB of memory"));
        assert_eq!(memory("MemFree: 1 kB\n"), None);
        assert_eq!(memory("MemTotal: much kB\n"), None);
    }

    #[test]
    fn equal_gpus_are_counted() {
        let none: [&str; 0] = [];
        assert_eq!(graphics(""), none);
        assert_eq!(graphics("NVIDIA L4\n"), ["NVIDIA L4"]);
        assert_eq!(
            graphics("NVIDIA H200\nNVIDIA L4\nNVIDIA H200\n"),
            ["2 × NVIDIA H200", "NVIDIA L4"]
        );
    }
}
