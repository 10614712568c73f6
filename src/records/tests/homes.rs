//! One suite beside each place that records can lie in: `beside_each_home!` runs a test on the catalog of a home, and once more on a server.
//!
//! A test fills its home as the engine does, in SQLite; on the server's turn [`settle`] then moves what is there into a database of its own, and
//! [`address`] says where the records are now. The test's body is the same.
//!
//! The server is one cluster of PostgreSQL for all tests of a run, in a folder of its own, reached by a Unix socket alone. It ends with the run, however
//! that ends: a shell waits for the other end of its standard input to close, stops the server and removes the folder.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use nix::sys::statvfs::statvfs;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Row as _, sqlite::SqliteConnectOptions};

use crate::{
    Address, Server,
    desk::HomeDesk,
    rows::{self, Connection},
    sweep::HomeStore,
};

/// Where a test's records lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

thread_local! {
    static KIND: Cell<Kind> = const { Cell::new(Kind::Sqlite) };
    /// The databases into which this test's homes were moved.
    static MOVED: RefCell<HashMap<PathBuf, String>> = RefCell::new(HashMap::new());
}

/// Runs tests beside each home.
macro_rules! beside_each_home {
    ($($name:ident),+ $(,)?) => {
        /// In the catalog of a home.
        mod sqlite {
            $(#[test]
            fn $name() {
                $crate::tests::homes::on($crate::tests::homes::Kind::Sqlite, super::$name);
            })+
        }
        /// On a server.
        mod postgres {
            $(#[test]
            fn $name() {
                $crate::tests::homes::on($crate::tests::homes::Kind::Postgres, super::$name);
            })+
        }
    };
}
pub(crate) use beside_each_home;

/// Runs a test's body on one of the two.
pub(crate) fn on(kind: Kind, test: fn()) {
    KIND.set(kind);
    test();
    for database in MOVED.take().into_values() {
        cluster().ask(&format!("DROP DATABASE {database} WITH (FORCE)"));
    }
}

/// On the server's turn, moves what an engine wrote into a home since the last time into the home's database.
pub(crate) fn settle(home: &Path) {
    if KIND.get() == Kind::Sqlite {
        return;
    }
    let database = match MOVED.with_borrow(|moved| moved.get(home).cloned()) {
        Some(database) => database,
        None => {
            let database = cluster().new_database("retrocall");
            MOVED.with_borrow_mut(|moved| moved.insert(home.to_owned(), database.clone()));
            database
        }
    };
    run(async { pour(home, &cluster().server(&database)).await });
}

/// The records of a home that was moved are copied with it.
pub(crate) fn settle_copy(home: &Path, copy: &Path) {
    if let Some(database) = MOVED.with_borrow(|moved| moved.get(home).cloned()) {
        let copied = cluster().new_database(&database);
        MOVED.with_borrow_mut(|moved| moved.insert(copy.to_owned(), copied));
    }
}

/// Where the records of a home are now.
pub(crate) fn address(home: &Path) -> Address {
    match MOVED.with_borrow(|moved| moved.get(home).cloned()) {
        Some(database) => Address::Server(cluster().server(&database)),
        None => Address::of(home),
    }
}

/// The desk of a home's records.
pub(crate) fn desk(home: &Path) -> HomeDesk {
    HomeDesk::at(address(home))
}

/// The sweep's store of a home's records.
pub(crate) fn store(home: &Path) -> HomeStore {
    HomeStore::open_at(&address(home), home).expect("records").expect("records")
}

/// Runs one thing on a connection of another program.
pub(crate) fn outside<T>(home: &Path, work: impl AsyncFnOnce(&mut Connection) -> T) -> T {
    let address = address(home);
    run(async {
        let mut connection = match &address {
            // Whatever it holds: it may be damaged, foreign or of before.
            Address::Home { catalog, .. } => {
                Connection::Sqlite(SqliteConnectOptions::new().filename(catalog).connect().await.expect("a catalog"))
            }
            Address::Server(_) => address.open(true).await.expect("a server").expect("tables"),
        };
        let answer = work(&mut connection).await;
        connection.close().await.expect("closed");
        answer
    })
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// The tables in the order in which the migration makes them: a row comes after those that it belongs to.
fn tables() -> impl Iterator<Item = &'static str> {
    let migration = include_str!("../migrations_postgres/0001_all_tables.sql");
    migration.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split(' ').next())
}

/// Puts the rows of a home's catalog, but those that are there, into the tables of a server.
async fn pour(home: &Path, server: &Server) {
    let mut from =
        SqliteConnectOptions::new().filename(home.join("catalog.sqlite")).connect().await.expect("a catalog");
    let mut to = server.open().await.expect("a server").expect("tables");
    let mut to = to.begin_writing().await.expect("begun");
    for table in tables() {
        let select = "SELECT column_name, data_type FROM information_schema.columns
                      WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position";
        let columns: Vec<(String, String)> = rows::query_as(select).bind(table).fetch_all(&mut to).await.expect(table);
        let names = columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let places = (1..=columns.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
        let insert = format!("INSERT INTO {table} ({names}) VALUES ({places}) ON CONFLICT DO NOTHING");
        let select = sqlx::query(AssertSqlSafe(format!("SELECT {names} FROM {table}")));
        for row in select.fetch_all(&mut from).await.expect(table) {
            let insert =
                columns.iter().enumerate().fold(rows::query(AssertSqlSafe(insert.clone())), |query, (at, column)| {
                    match column.1.as_str() {
                        "text" => query.bind(row.get::<Option<String>, _>(at)),
                        "bigint" => query.bind(row.get::<Option<i64>, _>(at)),
                        "double precision" => query.bind(row.get::<Option<f64>, _>(at)),
                        "boolean" => query.bind(row.get::<Option<bool>, _>(at)),
                        kind => panic!("{table}.{} is {kind}", column.0),
                    }
                });
            insert.execute(&mut to).await.expect(table);
        }
    }
    to.commit().await.expect("written");
}

/// A cluster of PostgreSQL for this process.
pub(crate) struct Cluster {
    folder: PathBuf,
    /// While one database is copied, nobody else may copy it: they take turns.
    copying: Mutex<()>,
    /// Its end of the shell's input is open as long as this process lives.
    _shell: Child,
}

/// That of this process, which the first test that needs it starts.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
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
    fn start() -> Cluster {
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
        cluster.make_template();
        cluster
    }

    /// The database that all others are copies of.
    fn make_template(&self) {
        let postgres = self.server("postgres");
        // The socket is there a moment before the server answers.
        let mut tries = 0;
        while let Err(trouble) = run(postgres.open()).map(drop) {
            tries += 1;
            assert!(tries < 1_000, "{trouble}: {}", fs::read_to_string(self.folder.join("log")).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.ask("CREATE DATABASE retrocall");
        self.server("retrocall").prepare().expect("tables");
    }

    /// A database of this cluster.
    pub(crate) fn server(&self, database: &str) -> Server {
        Server::at(&self.url(database)).expect("an address")
    }

    fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=retrocall", self.folder.display())
    }

    /// A copy of a database.
    pub(crate) fn new_database(&self, of: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let _turn = self.copying.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Copied as files: written through the log it takes twice as long.
        self.ask(&format!("CREATE DATABASE {name} TEMPLATE {of} STRATEGY FILE_COPY"));
        name
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Asks the server itself.
    pub(crate) fn ask(&self, sql: &str) {
        run(async {
            let options: sqlx::postgres::PgConnectOptions = self.url("postgres").parse().expect("an address");
            let mut connection = options.connect().await.expect("the server");
            sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect(sql);
            connection.close().await.expect("closed");
        });
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

/// The columns of a table, each with its kind and whether it may be empty, in the order of their names.
type Columns = Vec<(String, String, bool)>;

#[test]
fn a_server_has_the_tables_and_columns_that_the_migrations_of_a_catalog_leave() {
    let (in_catalog, on_server) = run(async {
        let mut catalog = sqlx::SqliteConnection::connect("sqlite::memory:").await.expect("a catalog");
        crate::file::MIGRATOR.run(&mut catalog).await.expect("tables");
        let select = "SELECT tables.name, columns.name, columns.type, columns.\"notnull\" OR columns.pk > 0
                      FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns
                      WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite%' AND tables.name NOT LIKE '\\_sqlx%' ESCAPE '\\'";
        let in_catalog: Vec<(String, String, String, bool)> =
            sqlx::query_as(select).fetch_all(&mut catalog).await.expect("columns");
        let server = cluster().server("retrocall");
        let mut connection = server.open().await.expect("a server").expect("tables");
        let select =
            "SELECT table_name, column_name, upper(data_type), is_nullable = 'NO' FROM information_schema.columns
                      WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'";
        let on_server = rows::query_as(select).fetch_all(&mut connection).await.expect("columns");
        (in_catalog, on_server)
    });
    let by_table = |columns: Vec<(String, String, String, bool)>| {
        let mut tables: std::collections::BTreeMap<String, Columns> = std::collections::BTreeMap::new();
        for (table, column, kind, is_needed) in columns {
            tables.entry(table).or_default().push((column, kind, is_needed));
        }
        tables.values_mut().for_each(|columns| columns.sort());
        tables
    };
    assert_eq!(by_table(on_server), by_table(in_catalog));
}

#[test]
fn text_on_a_server_is_sorted_by_its_bytes_and_a_nul_in_it_is_replaced() {
    let database = cluster().new_database("retrocall");
    let found: Vec<String> = run(async {
        let mut rows = cluster().server(&database).open().await.expect("a server").expect("tables");
        for name in ["b", "A", "a", "B\0"] {
            let insert = rows::query("INSERT INTO users (name, made_at) VALUES ($1, '')").bind(name);
            insert.execute(&mut rows).await.expect("a user");
        }
        rows::query_scalar("SELECT name FROM users ORDER BY name").fetch_all(&mut rows).await.expect("users")
    });
    assert_eq!(found, ["A", "B\u{fffd}", "a", "b"]);
}
