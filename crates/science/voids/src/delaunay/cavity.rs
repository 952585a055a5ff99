//! One insertion: find the new point, dig out the tetrahedra whose circumspheres hold it, fill the hole.

use super::mesh::{DEAD, FACE, INFINITE, Mesh, NONE, State};
use super::predicates::orient;

impl Mesh {
    /// Inserts a site that is not yet a vertex.
    pub(super) fn insert(&mut self, site: u32) {
        let point = self.sites[site as usize];
        let start = self.locate(point);
        self.dig(start, point);
        self.fill(site);
        self.link();
        self.clear();
    }

    /// Walks from the last insertion to a tetrahedron whose circumsphere holds the point: the one the point lies in,
    /// at the latest. A visibility walk in a Delaunay triangulation cannot turn in a circle (Edelsbrunner 1990).
    fn locate(&self, point: [f64; 3]) -> u32 {
        let mut index = self.hint;
        let mut from = NONE;
        let hint = &self.tetras[index as usize];
        if let Some(infinite) = hint.vertices.iter().position(|&v| v == INFINITE) {
            index = hint.neighbours[infinite] >> 2;
        }
        let mut turn = 0;
        'walk: loop {
            let tetra = &self.tetras[index as usize];
            if tetra.certainly_contains(point) {
                return index;
            }
            turn = (turn + 1) & 3;
            for step in 0..4 {
                let slot = (turn + step) & 3;
                let next = tetra.neighbours[slot] >> 2;
                if next == from {
                    continue;
                }
                let [a, b, c] = FACE[slot].map(|i| self.sites[tetra.vertices[i] as usize]);
                if orient(a, b, c, point) < 0.0 {
                    if !self.tetras[next as usize].is_finite() {
                        return next;
                    }
                    from = index;
                    index = next;
                    continue 'walk;
                }
            }
            return index;
        }
    }

    /// Collects the tetrahedra in conflict with the point, which are connected, and the faces around them.
    fn dig(&mut self, start: u32, point: [f64; 3]) {
        self.states[start as usize] = State::Conflict;
        self.cavity.push(start);
        let mut next = 0;
        while next < self.cavity.len() {
            let index = self.cavity[next];
            next += 1;
            for slot in 0..4_u32 {
                let other = self.tetras[index as usize].neighbours[slot as usize] >> 2;
                match self.states[other as usize] {
                    State::Conflict => {}
                    State::Clear => self.boundary.push((index, slot)),
                    State::Unknown if self.conflicts(other, point) => {
                        self.states[other as usize] = State::Conflict;
                        self.cavity.push(other);
                    }
                    State::Unknown => {
                        self.states[other as usize] = State::Clear;
                        self.rim.push(other);
                        self.boundary.push((index, slot));
                    }
                }
            }
        }
    }

    /// Makes a tetrahedron from each face of the hole and the new site, linked to what lies beyond. The link of the
    /// tetrahedron inside the hole is turned to the new one, for `link` to find.
    fn fill(&mut self, site: u32) {
        for i in 0..self.boundary.len() {
            let (index, slot) = self.boundary[i];
            let old = &self.tetras[index as usize];
            let [a, b, c] = FACE[slot as usize].map(|k| old.vertices[k]);
            let beyond = old.neighbours[slot as usize];
            let new = self.create([a, b, c, site]);
            self.tetras[new as usize].neighbours[3] = beyond;
            self.tetras[(beyond >> 2) as usize].neighbours[(beyond & 3) as usize] = (new << 2) | 3;
            self.tetras[index as usize].neighbours[slot as usize] = new << 2;
            self.fresh.push(new);
        }
    }

    /// Links the new tetrahedra with each other: those at the two faces of the hole that share an edge. The second
    /// face is found by turning round the edge through the hole.
    fn link(&mut self) {
        for i in 0..self.boundary.len() {
            let (start, start_slot) = self.boundary[i];
            let new = self.fresh[i];
            for slot in 0..3 {
                if self.tetras[new as usize].neighbours[slot] != NONE {
                    continue;
                }
                let mut index = start;
                let mut ahead = self.tetras[new as usize].vertices[slot];
                let mut behind = self.tetras[start as usize].vertices[start_slot as usize];
                let other = loop {
                    let tetra = &self.tetras[index as usize];
                    let handle = tetra.neighbours[tetra.slot_of(ahead)];
                    let next = handle >> 2;
                    if self.states[next as usize] != State::Conflict {
                        break next;
                    }
                    index = next;
                    ahead = behind;
                    behind = self.tetras[next as usize].vertices[(handle & 3) as usize];
                };
                let other_slot = self.tetras[other as usize].slot_of(behind);
                self.tetras[new as usize].neighbours[slot] = (other << 2) | other_slot as u32;
                self.tetras[other as usize].neighbours[other_slot] = (new << 2) | slot as u32;
            }
        }
    }

    /// Frees the hole's tetrahedra and forgets what was learnt about this point.
    fn clear(&mut self) {
        if let Some(&last) = self.fresh.last() {
            self.hint = last;
        }
        for &index in &self.cavity {
            self.states[index as usize] = State::Unknown;
            self.tetras[index as usize].vertices = [DEAD; 4];
            self.free.push(index);
        }
        for &index in &self.rim {
            self.states[index as usize] = State::Unknown;
        }
        self.cavity.clear();
        self.rim.clear();
        self.boundary.clear();
        self.fresh.clear();
    }
}
