//! Voronoi cell volumes of points: reads x y z as little-endian 64-bit floats, writes one volume a point in the same
//! form, NaN for unbounded cells. Used by `benches/compare_watershed.py`.
#![allow(clippy::print_stderr)]

use std::error::Error;
use std::time::Instant;

use voids::delaunay::{Delaunay, Voronoi};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("expected two paths: points in, volumes out".into());
    };
    let bytes = std::fs::read(input)?;
    let numbers: Vec<f64> = bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
    let points = numbers.as_chunks::<3>().0;
    let start = Instant::now();
    let delaunay = Delaunay::new(points)?;
    let voronoi = Voronoi::new(&delaunay, &vec![true; delaunay.tetras().len()]);
    eprintln!("{:.3}", start.elapsed().as_secs_f64());
    let volume = |site: &u32| voronoi.cells()[*site as usize].volume.unwrap_or(f64::NAN);
    let volumes: Vec<u8> = delaunay.site_of_point().iter().flat_map(|site| volume(site).to_le_bytes()).collect();
    std::fs::write(output, volumes)?;
    Ok(())
}
