//! Starts servers for the tests of async-nats: the command line is that of nats-server, and the ports
//! file tells the port. SERVER_COMMAND is the program, words of it separated by blanks.
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, thread, time::Duration};

static STARTED: AtomicU32 = AtomicU32::new(0);

/// A server in a process of its own, which ends when this is dropped.
pub struct Server {
    child: Child,
    config: String,
    folder: PathBuf,
    url: String,
}

pub fn run_basic_server() -> Server {
    run_server("")
}

pub fn run_server(config: &str) -> Server {
    run_server_with_port(config, None)
}

pub fn run_server_with_port(config: &str, port: Option<&str>) -> Server {
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("rust-suite-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (child, url) = start(config, port.unwrap_or("-1"), &folder);
    Server { child, config: config.to_owned(), folder, url }
}

pub fn set_lame_duck_mode(server: &Server) {
    let pid = server.child.id().to_string();
    Command::new("kill").args(["-USR2", &pid]).status().unwrap();
}

impl Server {
    pub fn client_url(&self) -> String {
        self.url.replace("127.0.0.1", "localhost")
    }

    pub fn client_port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    pub fn restart(&mut self) {
        self.end();
        let port = self.client_port().to_string();
        (self.child, self.url) = start(&self.config, &port, &self.folder);
    }

    fn end(&mut self) {
        // best effort: it may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn start(config: &str, port: &str, folder: &Path) -> (Child, String) {
    for file in ports_files(folder) {
        fs::remove_file(file).unwrap();
    }
    let program = env::var("SERVER_COMMAND").expect("SERVER_COMMAND");
    let mut words = program.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["-a", "127.0.0.1", "-p", port]);
    command.arg("--store_dir").arg(folder.join("data"));
    command.arg("--ports_file_dir").arg(folder);
    if !config.is_empty() {
        command.args(["-c", config]);
    }
    let log = fs::File::create(folder.join("log")).unwrap();
    command.stdout(Stdio::from(log.try_clone().unwrap())).stderr(Stdio::from(log));
    let child = command.spawn().unwrap();
    for _ in 0..800 {
        thread::sleep(Duration::from_millis(25));
        for file in ports_files(folder) {
            let text = fs::read(file).unwrap();
            // It may not be whole yet.
            let Ok(ports) = serde_json::from_slice::<serde_json::Value>(&text) else { continue };
            if let Some(url) = ports["nats"][0].as_str() {
                return (child, url.to_owned());
            }
        }
    }
    panic!("no server: {}", fs::read_to_string(folder.join("log")).unwrap());
}

fn ports_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "ports")).collect()
}
