//! A run: its steps, manifest, figures, tables and report.
