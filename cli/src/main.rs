//! `keepset`: reads the command line, does one thing, says what went wrong in one sentence.

use std::io::{Write as _, stderr, stdout};
use std::process::ExitCode;

use clap::Parser as _;
use keepset_cli::args::{Arguments, Command};
use keepset_cli::replay::Stopped;
use keepset_cli::{adapt, audit, choose, commands};

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Replay(arguments) => commands::replay(&arguments),
        Command::Survey(arguments) => commands::survey(&arguments),
        Command::Explain(arguments) => commands::explain(&arguments),
        Command::Simulate(arguments) => commands::simulate(&arguments),
        Command::Coverage(arguments) => commands::coverage(&arguments),
        Command::Train(arguments) => commands::train(&arguments),
        Command::Evaluate(arguments) => commands::evaluate(&arguments),
        Command::Import(arguments) => commands::import(&arguments),
        Command::Sentiment(command) => commands::sentiment(&command),
        Command::Figures(arguments) => commands::figures(&arguments),
        Command::Adapt(arguments) => adapt::run(&arguments),
        Command::Choose(arguments) => choose::run(&arguments),
        Command::Plan(arguments) => commands::plan(&arguments),
        Command::Check(arguments) => commands::check(&arguments),
        Command::Compile(arguments) => commands::compile(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
    };
    // A reader that has seen enough, such as `head`, is no failure of ours.
    match done.map(|text| stdout().write_all(text.as_bytes())) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(stderr(), "keepset: {error:#}");
            if error.is::<Stopped>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
