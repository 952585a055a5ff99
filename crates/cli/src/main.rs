//! `astrolab`: arguments (what was typed) -> settings (what it means) -> one run function a command.

mod commands;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = commands::Astrolab::parse();
    terminal::start_logging(arguments.verbose);
    match arguments.command.run() {
        Ok(code) => code,
        Err(error) => terminal::report_error(&error),
    }
}
