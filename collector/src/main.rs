//! `keepset-collector`: reads its settings, opens its store, serves until it is told to stop.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use keepset_collector::config::{Arguments, Config, LoadError, Loaded};
use keepset_collector::gateway::Gateway;
use keepset_collector::journal::{HOUR, Journal};
use keepset_collector::listen::{self, Listening};
use keepset_collector::server::Collector;
use keepset_collector::signals;
use keepset_collector::store::Store;
use tokio::net::TcpListener;

fn main() -> ExitCode {
    let given: Vec<_> = std::env::args_os().collect();
    let environment: Vec<_> = std::env::vars_os().collect();
    let outcome = match Loaded::read(&given, &environment) {
        Ok(loaded) => obey(&loaded).map_err(|sentence| loaded.sources.placed(&sentence)),
        Err(LoadError::Sentence(sentence)) => Err(sentence),
        Err(LoadError::Clap(error)) => error.exit(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            warn(&sentence);
            ExitCode::FAILURE
        }
    }
}

fn obey(loaded: &Loaded) -> Result<(), String> {
    let arguments = &loaded.arguments;
    match (&arguments.command, &arguments.config) {
        (Some(command), _) => command.run().map(|text| say(text.trim_end())),
        (None, Some(config)) if config.print_config => {
            say(loaded.shown().trim_end());
            Ok(())
        }
        (None, Some(config)) => run(config, arguments),
        (None, None) => Err("--plan: name the plan; --help tells the rest".into()),
    }
}

fn run(config: &Config, Arguments { doors, oidc, keeping, .. }: &Arguments) -> Result<(), String> {
    let plan = config.read_plan()?;
    config.check_files()?;
    let listening = doors.listening()?;
    let issuer = oidc.issuer()?;
    if issuer.as_ref().is_some_and(|issuer| !issuer.is_known()) {
        warn("--oidc-issuer: it does not say what its keys are; until it does, its tokens read nothing");
    }
    let access = config.access(issuer)?;
    let keys = config.read_keys()?;
    let gateway = Gateway::new(&config.read_gateway()?)?;
    let labels = config.open_labels(&keys)?;
    let store =
        Store::open(&config.store()?, &config.purpose(&plan)).map_err(|error| format!("--store: {error}"))?;
    let store = store.with_archive(config.open_archive(&plan)?);
    let (rollups, redeemer) = (keeping.rollups(&plan)?, doors.redeemer(&plan)?);
    let retention = keeping.retention(&plan)?;
    let collector = Collector::new(plan, keys, store, config.clock())?
        .rolling_up(rollups)
        .behind(gateway)
        .with_labels(labels)
        .readable_by(access)
        .limited(doors.limits())
        .paid_with(redeemer)
        .open_to(doors.origin.clone())
        .comparing(doors.compared())
        .keeping(retention);
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("no threads: {error}"))?;
    runtime.block_on(serve(config, listening, Arc::new(collector)))
}

async fn serve(config: &Config, listening: Listening, collector: Arc<Collector>) -> Result<(), String> {
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| format!("--listen: {} cannot be used: {error}", config.listen))?;
    let address = listener.local_addr().map_err(|error| format!("--listen: {error}"))?;
    let stop = signals::stop().map_err(|error| format!("signals cannot be heard: {error}"))?;
    let scheme = if listening.tls.is_some() { "https" } else { "http" };
    let mut journal = Journal::new(config.log);
    journal.started(&collector, &format!("{scheme}://{address}/"));
    let serving = listen::serve(listener, listening, Arc::clone(&collector), config.files.as_deref(), stop);
    tokio::pin!(serving);
    let mut hours = tokio::time::interval_at(tokio::time::Instant::now() + HOUR, HOUR);
    let served = loop {
        tokio::select! {
            served = serving.as_mut() => break served,
            _ = hours.tick() => journal.counts(&collector),
        }
    };
    journal.counts(&collector);
    served.map_err(|error| format!("the server stopped: {error}"))?;
    journal.stopped();
    Ok(())
}

fn warn(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "keepset-collector: {sentence}");
}

fn say(line: &str) {
    // Nobody may be reading any more; that is no reason to stop.
    let _ = writeln!(std::io::stdout(), "{line}");
}
