//! The sky and the maths: cosmology, sphere, HEALPix, neighbours, statistics. No files, no network.
