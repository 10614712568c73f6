//! A cluster of PostgreSQL for the tests of a process, and how the rows of a home's catalog get into a database of it.
//!
//! It lies in a folder of its own, is reached by a Unix socket alone, and ends with the process, however that ends: a shell waits for the other end of
//! its standard input to close, stops the server and removes the folder. Nothing of retrocall's is used here, so that each test's own crate can say
//! how tables are made.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use nix::sys::statvfs::statvfs;
use rusqlite::types::Value;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// The tables in the order in which the migration makes them: a row comes after those that it belongs to.
pub fn tables() -> impl Iterator<Item = &'static str> {
    let migrations = [
        include_str!("../migrations_postgres/0001_all_tables.sql"),
        include_str!("../migrations_postgres/0002_trainees.sql"),
        include_str!("../migrations_postgres/0003_each_agents_yes.sql"),
        include_str!("../migrations_postgres/0006_many_machines.sql"),
        include_str!("../migrations_postgres/0007_orders.sql"),
    ];
    migrations.into_iter().flat_map(str::lines).filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split(' ').next())
}

async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().expect("an address");
    options.connect().await.expect("the server")
}

/// Does one thing in the database at an address.
pub fn execute(url: &str, sql: &str) {
    run(async {
        let mut connection = connect(url).await;
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect(sql);
        connection.close().await.expect("closed");
    });
}

/// Rows that are read at a time.
const PAGE: i64 = 20_000;
/// Of so many rows and more a table is copied, which takes longer to begin.
const FEW: usize = 500;

/// Puts the rows of a home's catalog, but those that are there, into these tables of a database. Of each those for which its condition holds.
pub fn pour(home: &Path, url: &str, tables: &[(&str, String)]) {
    run(async {
        let catalog = home.join("catalog.sqlite");
        let from = rusqlite::Connection::open(catalog).expect("a catalog");
        let mut server = connect(url).await;
        let mut to = server.begin().await.expect("begun");
        for (table, condition) in tables {
            let select = "SELECT column_name::text, data_type::text FROM information_schema.columns
                          WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position";
            let columns: Vec<(String, String)> =
                sqlx::query_as(select).bind(table).fetch_all(&mut *to).await.expect(table);
            let names = columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            let mut after = 0i64;
            loop {
                let select = format!(
                    "SELECT {names}, rowid AS place FROM {table} WHERE rowid > {after} AND ({condition}) ORDER BY rowid LIMIT {PAGE}"
                );
                let rows = read(&from, &select, columns.len() + 1).expect(table);
                let Some(last) = rows.last() else { break };
                let Some(Value::Integer(place)) = last.last() else { panic!("{table} has places") };
                after = *place;
                match rows.len() < FEW {
                    true => insert(&mut to, table, &columns, &names, &rows).await,
                    false => copy(&mut to, table, &columns, &names, &rows).await,
                }
            }
        }
        to.commit().await.expect("written");
        server.close().await.expect("closed");
    });
}

/// Rows of a catalog, with so many values each.
fn read(from: &rusqlite::Connection, select: &str, count: usize) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut select = from.prepare(select)?;
    let rows = select.query_map([], |row| (0..count).map(|at| row.get(at)).collect())?;
    rows.collect()
}

/// A value as text, if it is one that a column of this kind takes.
fn shown(value: &Value, kind: &str, column: &str) -> Option<String> {
    match (value, kind) {
        (Value::Null, _) => None,
        (Value::Text(text), "text") => Some(text.clone()),
        (Value::Integer(number), "bigint") => Some(number.to_string()),
        (Value::Real(number), "double precision") => Some(number.to_string()),
        (Value::Integer(flag), "boolean") => Some((*flag != 0).to_string()),
        (value, kind) => panic!("{column} is {kind}, not {:?}", value.data_type()),
    }
}

async fn insert(to: &mut PgConnection, table: &str, columns: &[(String, String)], names: &str, rows: &[Vec<Value>]) {
    let place = |(at, column): (usize, &(String, String))| format!("CAST(${}::text AS {})", at + 1, column.1);
    let places = columns.iter().enumerate().map(place).collect::<Vec<_>>().join(", ");
    let insert = format!("INSERT INTO {table} ({names}) VALUES ({places}) ON CONFLICT DO NOTHING");
    for row in rows {
        let begun = sqlx::query(AssertSqlSafe(insert.clone()));
        let values = columns.iter().zip(row);
        let insert = values.fold(begun, |query, (column, value)| query.bind(shown(value, &column.1, &column.0)));
        insert.execute(&mut *to).await.expect(table);
    }
}

/// The same for many rows.
async fn copy(to: &mut PgConnection, table: &str, columns: &[(String, String)], names: &str, rows: &[Vec<Value>]) {
    let mut lines = String::new();
    for row in rows {
        for (at, column) in columns.iter().enumerate() {
            let value = shown(&row[at], &column.1, &column.0)
                .map(|text| text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r"));
            lines.push_str(if at == 0 { "" } else { "\t" });
            lines.push_str(value.as_deref().unwrap_or("\\N"));
        }
        lines.push('\n');
    }
    let beside = format!("CREATE TEMPORARY TABLE poured (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DROP");
    sqlx::query(AssertSqlSafe(beside)).execute(&mut *to).await.expect(table);
    let mut into = to.copy_in_raw(&format!("COPY poured ({names}) FROM STDIN")).await.expect(table);
    into.send(lines.into_bytes()).await.expect(table);
    into.finish().await.expect(table);
    let insert = format!("INSERT INTO {table} ({names}) SELECT {names} FROM poured ON CONFLICT DO NOTHING");
    for sql in [insert.as_str(), "DROP TABLE poured"] {
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut *to).await.expect(table);
    }
}

/// A cluster of PostgreSQL for this process.
pub struct Cluster {
    folder: PathBuf,
    /// While one database is copied, nobody else may copy it: they take turns.
    copying: Mutex<()>,
    /// Its end of the shell's input is open as long as this process lives.
    _shell: Child,
}

/// What the cluster takes at most: some 10 MB for each database of a test, and its log.
const ROOM_BYTES: u64 = 2 << 30;

/// Makes a cluster in `$1/data` with the programs of `$2`, starts it, and says so; stops it once nobody is at the other end.
const SHELL: &str = r#"
    cd "$1" || exit
    trap '' INT TERM HUP
    "$2/initdb" --pgdata=data --username=retrocall --auth=trust --no-sync --encoding=UTF8 --locale=C.UTF-8 \
        --locale-provider=icu --icu-locale=en --no-instructions >log 2>&1 &&
    "$2/postgres" -D data -c listen_addresses= -c unix_socket_directories="$1" -c fsync=off -c full_page_writes=off \
        -c synchronous_commit=off -c shared_buffers=64MB -c max_connections=200 -c autovacuum=off -c dynamic_shared_memory_type=mmap -c wal_level=minimal \
        -c max_wal_senders=0 -c min_wal_size=32MB -c max_wal_size=128MB >>log 2>&1 </dev/null &
    server=$!
    until [ -S "$1/.s.PGSQL.5432" ] || ! kill -0 $server 2>/dev/null; do sleep 0.02; done
    echo started
    read -r _
    kill -QUIT $(head -1 data/postmaster.pid) 2>/dev/null
    wait
    rm -rf "$1"
"#;

impl Cluster {
    /// Starts one. `prepare` makes the tables of the database at an address: all others are copies of that one.
    pub fn start(prepare: impl FnOnce(&str)) -> Cluster {
        let programs = newest_programs().expect("PostgreSQL, for the tests: make setup");
        let folder = tempfile::Builder::new().prefix("retrocall-pg-").tempdir_in(roomy()).expect("a folder").keep();
        // A server refuses to be root's.
        let mut shell = if nix::unistd::geteuid().is_root() {
            let given = Command::new("chown").arg("nobody:nogroup").arg(&folder).status().expect("chown");
            assert!(given.success());
            let mut setpriv = Command::new("setpriv");
            setpriv.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "sh"]);
            setpriv
        } else {
            Command::new("sh")
        };
        let shell = shell.args(["-c", SHELL, "sh"]).arg(&folder).arg(&programs).env("LC_ALL", "C.UTF-8");
        let mut shell =
            shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a shell");
        let mut word = [0; 8];
        shell.stdout.as_mut().expect("its output").read_exact(&mut word).expect("it starts");
        let cluster = Cluster { folder, copying: Mutex::new(()), _shell: shell };
        cluster.wait();
        cluster.ask("CREATE DATABASE retrocall");
        prepare(&cluster.url("retrocall"));
        cluster
    }

    /// The socket is there a moment before the server answers.
    fn wait(&self) {
        let mut tries = 0;
        let answers =
            || run(async { self.url("postgres").parse::<PgConnectOptions>().expect("an address").connect().await });
        while let Err(error) = answers() {
            tries += 1;
            assert!(tries < 1_000, "{error}: {}", fs::read_to_string(self.folder.join("log")).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=retrocall", self.folder.display())
    }

    /// A copy of a database.
    pub fn new_database(&self, of: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let _turn = self.copying.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Copied as files: written through the log it takes twice as long.
        self.ask(&format!("CREATE DATABASE {name} TEMPLATE {of} STRATEGY FILE_COPY"));
        name
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Asks the server itself.
    pub fn ask(&self, sql: &str) {
        execute(&self.url("postgres"), sql);
    }
}

/// A folder in memory, if there is one with room: a database has 300 files. Its name is short, as a socket's has to be.
fn roomy() -> &'static str {
    const MEMORY: &str = "/dev/shm";
    let free = statvfs(MEMORY).map_or(0, |found| found.blocks_available() * found.fragment_size());
    if free >= ROOM_BYTES { MEMORY } else { "/tmp" }
}

/// The folder of the newest PostgreSQL of this machine, 15 at least.
fn newest_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let version = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let newest = versions.filter_map(version).filter(|version| *version >= 15).max()?;
    Some(format!("/usr/lib/postgresql/{newest}/bin").into())
}
