//! `holdfast import`: an existing customer base from a file, all or nothing, safe to repeat.

use super::{
    Failure, node,
    output::{Output, to_stderr},
    vendor::{self, VendorArgs},
};
use crate::{
    api::v1::models::{ImportModel, ImportRowModel},
    config::Config,
};
use clap::ValueEnum;
use holdfast_domain::{ImportId, Source};
use holdfast_service::{
    Call, Service,
    admin::{
        import::{StageImport, columns::Field, dates::DateOrder},
        views::{ImportView, RowFate},
    },
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::PathBuf,
    time::Duration,
};

/// How many rows in the way are shown to people.
const SHOWN: usize = 20;

/// How to read dates such as 3/4/2026.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Dates {
    /// 3 April.
    DayFirst,
    /// 4 March.
    MonthFirst,
}

/// Which system's export a file is.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// A table with columns of your own.
    Csv,
    /// The answers of Keygen's API.
    Keygen,
    /// The answers of Lemon Squeezy's API, or a table with its names.
    LemonSqueezy,
    /// Gumroad's table of sales.
    Gumroad,
    /// Paddle Classic's report of sent licenses.
    PaddleClassic,
    /// Keylight's table, or the same as JSON.
    Keylight,
}

impl From<Format> for Source {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Keygen => Self::Keygen,
            Format::LemonSqueezy => Self::LemonSqueezy,
            Format::Gumroad => Self::Gumroad,
            Format::PaddleClassic => Self::PaddleClassic,
            Format::Keylight => Self::Keylight,
        }
    }
}

/// What to import, and how to read it.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The file, UTF-8: a table with a header row, or another system's export; standard input for `-`.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The product's id or code; not needed where there is one.
    #[arg(long, value_name = "PRODUCT")]
    pub product: Option<String>,
    /// The id or code of the plan for rows that name none.
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<String>,
    /// Which system's export it is; recognised by its content where not said.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// What a column means: `HEADER=FIELD` with key, email, name, product, plan, seats, `expires_at`, status, order,
    /// devices, entitlement:CODE or ignore; repeatable. What is not said is guessed from the headers.
    #[arg(long, value_name = "HEADER=FIELD")]
    pub map: Vec<String>,
    /// What separates the columns: one character, or `tab`.
    #[arg(long, value_name = "CHARACTER")]
    pub delimiter: Option<String>,
    /// How to read dates such as 3/4/2026.
    #[arg(long, value_enum)]
    pub dates: Option<Dates>,
    /// Only say what would become of every row.
    #[arg(long)]
    pub dry_run: bool,
    /// Leave out the rows that stand in the way, instead of refusing the file.
    #[arg(long)]
    pub leave_out: bool,
    /// Whose.
    #[command(flatten)]
    pub vendor: VendorArgs,
}

#[derive(Serialize)]
struct Report {
    import: ImportModel,
    dry_run: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rows: Vec<ImportRowModel>,
}

fn read(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    fs::read(path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}

fn mapping(pairs: &[String]) -> Result<BTreeMap<String, Field>, Failure> {
    pairs
        .iter()
        .map(|pair| {
            // The field stands last, so that a header may contain an equals sign.
            let (header, field) = pair
                .rsplit_once('=')
                .ok_or_else(|| Failure::Usage(format!("--map {pair}: not of the form HEADER=FIELD")))?;
            let field: Field = field.parse().map_err(Failure::from)?;
            Ok((header.to_owned(), field))
        })
        .collect()
}

fn delimiter(text: Option<&str>) -> Result<Option<u8>, Failure> {
    match text {
        None => Ok(None),
        Some("tab" | "\t") => Ok(Some(b'\t')),
        Some(text) if text.len() == 1 => Ok(text.bytes().next()),
        Some(_) => Err(Failure::Usage("--delimiter: one ASCII character, or `tab`".to_owned())),
    }
}

/// Imports, or says what an import would do.
pub async fn run(args: Args, config: &Config, output: Output) -> Result<(), Failure> {
    let (mapping, delimiter) = (mapping(&args.map)?, delimiter(args.delimiter.as_deref())?);
    let bytes = read(&args.file)?;
    to_stderr(&format!("reading {} ({} bytes)\n", args.file.display(), bytes.len()));
    let service = node::open_service(config).await?;
    let done = work(&args, mapping, delimiter, bytes, &service, output).await;
    node::close(service).await;
    done
}

async fn work(
    args: &Args,
    mapping: BTreeMap<String, Field>,
    delimiter: Option<u8>,
    bytes: Vec<u8>,
    service: &Service,
    output: Output,
) -> Result<(), Failure> {
    let call = args.vendor.call(service).await?;
    let product = vendor::product(service, &call.actor, args.product.as_deref()).await?;
    let plan = match &args.plan {
        None => None,
        Some(name) => Some(vendor::plan(service, &call.actor, product, name).await?),
    };
    let file_name = args.file.file_name().map_or("stdin".into(), |name| name.to_string_lossy());
    let input = StageImport {
        file_name: file_name.into_owned(),
        product,
        plan,
        source: args.format.map(Source::from),
        delimiter,
        dates: args.dates.map(|dates| match dates {
            Dates::DayFirst => DateOrder::DayFirst,
            Dates::MonthFirst => DateOrder::MonthFirst,
        }),
        mapping,
    };
    let staged = service.stage_import(&call, input, bytes).await?;
    let refused = staged.problem.is_some() || (staged.counts.in_the_way() > 0 && !args.leave_out);
    if args.dry_run || refused {
        let all = args.dry_run && output.json;
        let rows = rows(service, &call, &staged, all).await?;
        service.cancel_import(&call, staged.id).await?;
        let import = ImportModel::from(staged);
        let report = Report { import, dry_run: args.dry_run, rows };
        output.result(&report, || for_people(&report))?;
        return if refused {
            Err(Failure::Refused("rows stand in the way; nothing was imported".to_owned()))
        } else {
            Ok(())
        };
    }
    let import = confirm(service, &call, staged.id, args.leave_out, staged.counts.rows).await?;
    let report = Report { import: import.into(), dry_run: false, rows: Vec::new() };
    output.result(&report, || for_people(&report))
}

/// Confirms, showing how far it is where a person is watching.
async fn confirm(
    service: &Service,
    call: &Call,
    id: ImportId,
    leave_out: bool,
    rows: u64,
) -> Result<ImportView, Failure> {
    let confirming = service.confirm_import(call, id, leave_out);
    tokio::pin!(confirming);
    let mut shown = 0;
    let watched = io::stderr().is_terminal();
    loop {
        match tokio::time::timeout(Duration::from_secs(1), &mut confirming).await {
            Ok(done) => {
                if watched {
                    to_stderr("\n");
                }
                return Ok(done?);
            }
            Err(_) => {
                if let Ok(view) = service.import(&call.actor, id).await
                    && view.progress != shown
                {
                    shown = view.progress;
                    let end = if watched { "\r" } else { "\n" };
                    to_stderr(&format!("{} of {rows} rows{}", view.progress, end.replace('\r', "   \r")));
                }
            }
        }
    }
}

/// Every row, or the first ones that stand in the way.
async fn rows(service: &Service, call: &Call, import: &ImportView, all: bool) -> Result<Vec<ImportRowModel>, Failure> {
    let mut found = Vec::new();
    let fates: &[Option<RowFate>] =
        if all { &[None] } else { &[Some(RowFate::Error), Some(RowFate::Conflict), Some(RowFate::Duplicate)] };
    for fate in fates {
        let mut after = 0;
        loop {
            let page = service.import_rows(&call.actor, import.id, *fate, after, 200).await?;
            let (count, last) = (page.len(), page.last().map(|row| row.line));
            found.extend(page.into_iter().map(ImportRowModel::from));
            match last {
                Some(last) if count == 200 && (all || found.len() < SHOWN) => after = last,
                _ => break,
            }
        }
    }
    if !all {
        found.truncate(SHOWN);
    }
    Ok(found)
}

fn for_people(report: &Report) -> String {
    let import = &report.import;
    let mut text = match Source::from_name(&import.format) {
        None | Some(Source::Csv) => String::new(),
        Some(source) => format!("An export of {}.\n", source.name()),
    };
    for column in &import.columns {
        let _ = writeln!(text, "  {:24} read as {}", column.header, column.field);
    }
    let verb = if report.dry_run { "would become" } else { "became" };
    let _ = writeln!(
        text,
        "{} rows: {} {verb} licenses, {} are there already, {} repeat a row, {} conflict, {} are wrong",
        import.rows, import.create, import.unchanged, import.duplicate, import.conflict, import.error
    );
    if import.left_out > 0 {
        let _ = writeln!(text, "{} more are no licenses", import.left_out);
    }
    if let Some(problem) = &import.problem {
        let _ = writeln!(text, "{problem}");
    }
    for row in &report.rows {
        let column = row.column.as_deref().map(|column| format!(" ({column})")).unwrap_or_default();
        let _ =
            writeln!(text, "  line {}: {}{column}: {}", row.line, row.fate, row.reason.as_deref().unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_mapped_by_their_headers() {
        let pairs = ["Serial=key".to_owned(), "a=b=email".to_owned(), "Pro?=entitlement:pro".to_owned()];
        let mapping = mapping(&pairs).unwrap();
        assert_eq!(mapping["Serial"], Field::Key);
        assert_eq!(mapping["a=b"], Field::Email);
        assert_eq!(mapping["Pro?"].to_string(), "entitlement:pro");
        assert!(matches!(super::mapping(&["Serial".to_owned()]), Err(Failure::Usage(_))));
        assert!(matches!(super::mapping(&["Serial=nonsense".to_owned()]), Err(Failure::Usage(_))));
    }

    #[test]
    fn delimiters_are_one_character() {
        assert_eq!(delimiter(Some("tab")).unwrap(), Some(b'\t'));
        assert_eq!(delimiter(Some(";")).unwrap(), Some(b';'));
        assert!(delimiter(Some(";;")).is_err());
    }
}
