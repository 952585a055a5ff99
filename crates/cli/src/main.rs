//! `astrolab`: arguments (what was typed) -> settings (what it means) -> one run function a command.

mod commands;
mod session;
mod tables;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = match commands::Astrolab::try_parse() {
        Ok(arguments) => arguments,
        // Help and version are no errors; what was mistyped is the user's, and 2 is kept for our own faults.
        Err(stop) => {
            let _ = stop.print();
            return if stop.use_stderr() { ExitCode::from(1) } else { ExitCode::SUCCESS };
        }
    };
    terminal::start_logging(arguments.verbose);
    match arguments.command.run() {
        Ok(code) => code,
        Err(error) => terminal::report_error(&error),
    }
}
