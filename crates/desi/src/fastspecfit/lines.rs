//! The emission lines of FASTSPEC.

/// An emission line that FastSpecFit fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmissionLine {
    /// What its columns begin with.
    pub name: &'static str,
    /// Vacuum wavelength in the rest frame, Angstrom.
    pub wavelength_angstrom: f64,
}

const fn line(name: &'static str, wavelength_angstrom: f64) -> EmissionLine {
    EmissionLine { name, wavelength_angstrom }
}

/// The 46 lines of FastSpecFit v3.0, in the order of their columns.
///
/// The upstream data model lists 45 of them (its list begins at N V 1240); 887 columns need a 46th, which is Lyman
/// alpha in the line lists of catalogues that were made with the code. Wavelengths: the upstream line list
/// (`emlines.ecsv`); of \[Ar III\] 7135.79 Angstrom in air; of N V a mean of its doublet as survey line lists have it, not
/// checked against another source.
pub const LINES: [EmissionLine; 46] = [
    line("LYALPHA", 1215.67),
    line("NV_1240", 1240.14),
    line("OI_1304", 1304.35),
    line("SILIV_1396", 1396.76),
    line("CIV_1549", 1549.06),
    line("HEII_1640", 1640.42),
    line("ALIII_1857", 1857.4),
    line("SILIII_1892", 1892.03),
    line("CIII_1908", 1908.734),
    line("MGII_2796", 2796.3511),
    line("MGII_2803", 2803.5324),
    line("NEV_3346", 3346.7828),
    line("NEV_3426", 3426.8637),
    line("OII_3726", 3727.0919),
    line("OII_3729", 3729.875),
    line("NEIII_3869", 3869.8611),
    line("H6", 3890.1576),
    line("H6_BROAD", 3890.1576),
    line("HEPSILON", 3971.195),
    line("HEPSILON_BROAD", 3971.195),
    line("HDELTA", 4102.892),
    line("HDELTA_BROAD", 4102.892),
    line("HGAMMA", 4341.684),
    line("HGAMMA_BROAD", 4341.684),
    line("OIII_4363", 4364.4351),
    line("HEI_4471", 4472.729),
    line("HEII_4686", 4686.8655),
    line("HBETA", 4862.683),
    line("HBETA_BROAD", 4862.683),
    line("OIII_4959", 4960.2937),
    line("OIII_5007", 5008.2383),
    line("NII_5755", 5756.1887),
    line("HEI_5876", 5877.269),
    line("OI_6300", 6302.0435),
    line("SIII_6312", 6313.8062),
    line("NII_6548", 6549.8578),
    line("HALPHA", 6564.613),
    line("HALPHA_BROAD", 6564.613),
    line("NII_6584", 6585.2696),
    line("SII_6716", 6718.2913),
    line("SII_6731", 6732.6705),
    line("ARIII_7135", 7137.755),
    line("OII_7320", 7321.731),
    line("OII_7330", 7332.199),
    line("SIII_9069", 9071.103),
    line("SIII_9532", 9533.227),
];

/// The lines that a simulation writes when none are named.
pub const DEFAULT_LINES: [&str; 6] = ["OII_3726", "OII_3729", "HBETA", "OIII_5007", "HALPHA", "NII_6584"];

/// The lines whose moments FASTSPEC has besides; Mg II is one of its own, the middle of the doublet.
pub const MOMENT_LINES: [&str; 4] = ["CIV_1549", "MGII_2800", "HBETA", "OIII_5007"];
