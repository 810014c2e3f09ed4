//! The packages that are fetched, each pinned by version, platform and SHA-256 of its wheel.
//!
//! One wheel per processor is enough whatever Python the host has: only the shared libraries inside are used.
//! To move a pin: change the version, run `cargo xtask setup`, and take the digest that the error names after
//! comparing it with the one that the package's page publishes.

use anyhow::{Result, bail};

/// One wheel.
#[derive(Clone, Copy)]
pub struct Wheel {
    /// The package's name.
    pub package: &'static str,
    /// Its exact version.
    pub version: &'static str,
    /// The platform tag by which pip chooses the file.
    pub platform: &'static str,
    /// SHA-256 of the file.
    pub sha256: &'static str,
}

/// ONNX Runtime and what it needs, for one processor.
pub struct Runtime {
    /// Name of the folder in the cache.
    pub folder: &'static str,
    /// The wheel that holds ONNX Runtime.
    pub main: Wheel,
    /// The name of its main library inside the folder.
    pub library: &'static str,
    /// NVIDIA's wheels, empty for the CPU.
    pub nvidia: &'static [Wheel],
}

const CPU_VERSION: &str = "1.32.0";
const CUDA_VERSION: &str = "1.31.1";

/// The runtime for this machine's processor; an error where none is published for it.
pub fn runtime(cuda: bool) -> Result<Runtime> {
    let arch = std::env::consts::ARCH;
    let (cpu, gpu, nvidia) = match (std::env::consts::OS, arch) {
        ("linux", "x86_64") => (CPU_X86_64, GPU_X86_64, &NVIDIA_X86_64),
        ("linux", "aarch64") => (CPU_AARCH64, GPU_AARCH64, &NVIDIA_AARCH64),
        (os, _) => bail!(
            "ONNX Runtime is pinned for Linux on x86_64 and aarch64, and this is {os} on {arch}: \
             install libonnxruntime {CPU_VERSION} by hand and name it in CASEKIN_ONNXRUNTIME"
        ),
    };
    Ok(if cuda {
        Runtime {
            folder: "onnxruntime-1.31.1-cuda",
            main: gpu,
            library: "libonnxruntime.so.1.31.1",
            nvidia,
        }
    } else {
        Runtime {
            folder: "onnxruntime-1.32.0-cpu",
            main: cpu,
            library: "libonnxruntime.so.1.32.0",
            nvidia: &[],
        }
    })
}

/// OpenSlide 4 for this machine's processor; `None` where no wheel is pinned for it.
pub fn openslide() -> Option<Wheel> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some(OPENSLIDE_X86_64),
        ("linux", "aarch64") => Some(OPENSLIDE_AARCH64),
        _ => None,
    }
}

const OPENSLIDE_X86_64: Wheel = Wheel {
    package: "openslide-bin",
    version: "4.0.1.2",
    platform: "manylinux_2_28_x86_64",
    sha256: "8ac4aa3a2277ed5e218ca0019db65bdd6e853f865eb4edd3da00e2f4acf0c923",
};
const OPENSLIDE_AARCH64: Wheel = Wheel {
    platform: "manylinux_2_28_aarch64",
    sha256: "0dff14807e1b7ccfd476ca5b6945edf46908b76ec61777d35acb2a514e205c30",
    ..OPENSLIDE_X86_64
};
const CPU_X86_64: Wheel = Wheel {
    package: "onnxruntime",
    version: CPU_VERSION,
    platform: "manylinux_2_28_x86_64",
    sha256: "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
};
const CPU_AARCH64: Wheel = Wheel {
    platform: "manylinux_2_28_aarch64",
    sha256: "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
    ..CPU_X86_64
};
const GPU_X86_64: Wheel = Wheel {
    package: "onnxruntime-gpu",
    version: CUDA_VERSION,
    platform: "manylinux_2_28_x86_64",
    sha256: "05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7",
};
const GPU_AARCH64: Wheel = Wheel {
    platform: "manylinux_2_34_aarch64",
    sha256: "a0f1725c5a6d1ef82d63498b5ebc25e2c90c9560e91dc76db9be4a49162d4d33",
    ..GPU_X86_64
};

const fn nvidia(
    package: &'static str,
    version: &'static str,
    platform: &'static str,
    sha256: &'static str,
) -> Wheel {
    Wheel {
        package,
        version,
        platform,
        sha256,
    }
}

#[rustfmt::skip]
const NVIDIA_X86_64: [Wheel; 7] = [
    nvidia("nvidia-cuda-runtime", "13.5.37", "manylinux_2_17_x86_64", "df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d"),
    nvidia("nvidia-cuda-nvrtc", "13.5.37", "manylinux_2_12_x86_64", "86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc"),
    nvidia("nvidia-nvjitlink", "13.5.37", "manylinux_2_12_x86_64", "280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb"),
    nvidia("nvidia-cublas", "13.10.0.20", "manylinux_2_5_x86_64", "dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84"),
    nvidia("nvidia-curand", "10.4.5.25", "manylinux_2_27_x86_64", "22bb226a857e5888fe6b54ae465fc4371296bcff13a35f79e19691bcf454f529"),
    nvidia("nvidia-cufft", "12.5.0.14", "manylinux_2_17_x86_64", "b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad"),
    nvidia("nvidia-cudnn-cu13", "9.28.1.4", "manylinux_2_27_x86_64", "a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec"),
];

#[rustfmt::skip]
const NVIDIA_AARCH64: [Wheel; 7] = [
    nvidia("nvidia-cuda-runtime", "13.5.37", "manylinux_2_17_aarch64", "de2dc5a7367974228b0a69588a9acc9340d3768bef1bf38bf0801eb08497cd2d"),
    nvidia("nvidia-cuda-nvrtc", "13.5.37", "manylinux_2_17_aarch64", "36e4fa2a8ada293f5693d308e531c196ab6f91cf7a0ff479bf96a537d43a6096"),
    nvidia("nvidia-nvjitlink", "13.5.37", "manylinux_2_17_aarch64", "893f6f9a55b2720ed94913b5ba3332e972da8c78dfa2863d0244403dbd528ffc"),
    nvidia("nvidia-cublas", "13.10.0.20", "manylinux_2_17_aarch64", "c5f3418c0a845232a8cabc58f6fa52cfae7d8bd3680d94c3907aca710fd48d70"),
    nvidia("nvidia-curand", "10.4.5.25", "manylinux_2_27_aarch64", "07c75d8ba14b627d1a01d2c1bfa1eece88f25d564d3aae7e6b6fb44f7bbec9c1"),
    nvidia("nvidia-cufft", "12.5.0.14", "manylinux_2_17_aarch64", "091cde103312d6e09366122fe3f67092dcfd94cc9785029d695d6bcffaa76fdf"),
    nvidia("nvidia-cudnn-cu13", "9.28.1.4", "manylinux_2_27_aarch64", "759b6a4919951ed8ec603dec97b96f6a6396c8269b95b3d345526e2471fb433d"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_and_library_carry_the_pinned_version() {
        for cuda in [false, true] {
            let runtime = runtime(cuda).unwrap();
            assert!(runtime.folder.contains(runtime.main.version));
            assert!(runtime.library.ends_with(runtime.main.version));
        }
    }

    #[test]
    fn every_pin_is_a_sha256_and_no_two_are_alike() {
        let mut digests: Vec<_> = [CPU_X86_64, CPU_AARCH64, GPU_X86_64, GPU_AARCH64]
            .iter()
            .chain(&[OPENSLIDE_X86_64, OPENSLIDE_AARCH64])
            .chain(&NVIDIA_X86_64)
            .chain(&NVIDIA_AARCH64)
            .map(|wheel| wheel.sha256)
            .collect();
        assert!(
            digests
                .iter()
                .all(|digest| hex::decode(digest).is_ok_and(|bytes| bytes.len() == 32))
        );
        let pinned = digests.len();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(pinned, digests.len());
    }
}
