//! The study of winds, from real files to its report, through the public door.

use std::path::{Path, PathBuf};

use archive::Quiet;
use outflows::study::{Request, run};
use study::run::Finished;

fn no_archive(_: &Path) -> Result<Box<dyn archive::Tables>, Box<archive::Error>> {
    panic!("this study has files")
}

fn run_in(root: &Path, text: &str) -> Result<Finished, String> {
    run(&Request {
        root: root.to_owned(),
        study_path: root.join("study.toml"),
        study_file: text.to_owned(),
        code_version: "test".to_owned(),
        open_archive: &no_archive,
        progress: &Quiet,
    })
    .map_err(|error| error.to_string())
}

fn study_of(places: &[PathBuf]) -> String {
    format!(
        "study = \"outflows\"\nseed = 7\n[inputs]\nspectra = {places:?}\n[sample]\nredshift = [0.1, 4.0]\n[fit]\ndraws = 5\n\
         spectra_a_step = 1\n[test]\nremeasured = 2\ninjected = 2\n[report]\ngallery = 2\n"
    )
}

fn real_spectra() -> Option<Vec<PathBuf>> {
    let boss = testkit::real_data()?.join("quasars/sdss_boss/9367");
    let names = ["0345", "0386", "0396"];
    Some(names.iter().map(|fiber| boss.join(format!("spec-9367-57758-{fiber}.fits"))).collect())
}

#[test]
fn the_study_runs_resumes_and_does_not_depend_on_threads() {
    let Some(spectra) = real_spectra() else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = study_of(&spectra);
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let first = pool(2).install(|| run_in(&folder.path().join("two"), &text)).unwrap();
    let other = pool(1).install(|| run_in(&folder.path().join("one"), &text)).unwrap();
    let manifest = study::run::Manifest::read(&first.folder.join("manifest.json")).unwrap();
    let differences = study::run::compare_runs(&first.folder, &manifest, &other.folder).unwrap();
    assert!(differences.is_identical(), "{:?}", differences.differences().collect::<Vec<_>>());
    let again = run_in(&folder.path().join("two"), &text).unwrap();
    assert_eq!(again.reused, again.steps);
    // Without one of its files a step is done anew, the others are not.
    std::fs::remove_file(first.folder.join("parts/00001/lines.parquet")).unwrap();
    let resumed = run_in(&folder.path().join("two"), &text).unwrap();
    assert_eq!(resumed.steps.len() - resumed.reused.len(), 1, "{:?}", resumed.reused);
    let report = std::fs::read_to_string(&resumed.report).unwrap();
    assert!(report.contains("What it carries") && report.contains("Validation"));
    let winds = study::tables::read_parquet(&resumed.folder.join("tables/winds.parquet")).unwrap();
    assert!(winds.num_rows() >= 2, "{}", winds.num_rows());
}

#[test]
fn what_cannot_be_used_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let error = run_in(folder.path(), &study_of(&[empty])).unwrap_err();
    assert!(error.contains("cannot find spectra") && error.contains("hint"), "{error}");
    let Some(spectra) = real_spectra() else { return };
    let narrow = study_of(&spectra).replace("[0.1, 4.0]", "[6.0, 7.0]");
    let error = run_in(folder.path(), &narrow).unwrap_err();
    assert!(error.contains("no quasar is left") && error.contains("redshift 6 to 7: 0"), "{error}");
}
