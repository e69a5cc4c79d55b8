# SPDX-License-Identifier: Apache-2.0
# bench/lib/house.py: starting servers, loading them, and asking the kernel what they spent.
#
# CPU is what the scheduler booked for the server's own processes (/proc/PID/task/*/schedstat, in
# nanoseconds; children that have ended: in ticks of 10 ms); memory is PSS (smaps_rollup), which counts a
# shared page once over all who share it. Both leave out what the clients spend, and neither
# depends on what else the machine is doing, but for its caches and clock.
import json
import os
import platform
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
POSTHASTE = os.environ.get("POSTHASTE_BIN", os.path.join(TOP, "build/release/src/posthaste"))
CLIENT = os.path.join(os.path.dirname(os.path.dirname(POSTHASTE)), "bench/load-client")


def descriptors():
    """As many as we may have; the most that this process and its children can hold."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def help(script, arguments):
    """--help shows the comment at the script's head."""
    if "--help" in arguments:
        print(open(script).read().split("\nimport")[0])
        sys.exit(0)


def option(arguments, name, otherwise):
    """The word behind the option `name`; both are taken out of `arguments`."""
    if name not in arguments:
        return otherwise
    at = arguments.index(name)
    if at + 1 == len(arguments):
        sys.exit("%s needs a word behind it" % name)
    value = arguments[at + 1]
    del arguments[at:at + 2]
    return value


def machine():
    with open("/proc/cpuinfo") as f:
        names = [line.split(":")[1].strip() for line in f if line.startswith("model name")]
    version = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout
    return "%d x %s, Linux %s, %s, load %.1f" % (
        len(names) or os.cpu_count(), names[0] if names else platform.machine(),
        platform.release(), " ".join(version.split()[:2]), os.getloadavg()[0])


class Folder(tempfile.TemporaryDirectory):
    """A folder for a server's files, with certificates made on demand."""

    def __init__(self):
        super().__init__(prefix="posthaste-bench-")
        os.chmod(self.name, 0o755)

    def __enter__(self):
        return self

    def path(self, name):
        return os.path.join(self.name, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def certificate(self, kind):
        """kind: p256 or rsa2048. Returns the paths of certificate and key."""
        cert, key = self.path(kind + ".crt"), self.path(kind + ".key")
        how = {"p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa2048": ["rsa:2048"]}[kind]
        if not os.path.exists(cert):
            subprocess.run(["openssl", "req", "-x509", "-newkey", *how, "-nodes", "-days", "9",
                            "-subj", "/CN=mail.bench.test", "-keyout", key, "-out", cert],
                           check=True, capture_output=True)
            os.chmod(key, 0o644)
        return cert, key


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A process tree: started from a command, measured as a whole, ended with all its children."""

    def __init__(self, name, command, port, log):
        self.name, self.port = name, port
        with open(log, "w") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        else:
            self.stop()
        if self.process.poll() is not None:
            with open(log) as said:
                sys.exit("%s did not start:\n%s" % (name, said.read()))
        time.sleep(0.2)

    def pids(self):
        found, new = [], [self.process.pid]
        while new:
            pid = new.pop()
            found.append(pid)
            try:
                for task in os.listdir("/proc/%d/task" % pid):
                    with open("/proc/%d/task/%s/children" % (pid, task)) as f:
                        new += [int(child) for child in f.read().split()]
            except OSError:
                pass
        return found

    def cpu_s(self):
        total = 0
        for pid in self.pids():
            try:
                for task in os.listdir("/proc/%d/task" % pid):
                    with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
                        total += int(f.read().split()[0])
                with open("/proc/%d/stat" % pid) as f:
                    ended = f.read().rsplit(")", 1)[1].split()[13:15]  # of children, in ticks
                total += sum(int(ticks) for ticks in ended) * 1e9 / os.sysconf("SC_CLK_TCK")
            except OSError:
                pass
        return total / 1e9

    def pss_kib(self):
        total = 0
        for pid in self.pids():
            with open("/proc/%d/smaps_rollup" % pid) as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        return total

    def stop(self):
        pids = self.pids()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def posthaste(folder, tls=None, workers=1, connections=20000, extra="", server=None):
    """tls: None, first (implicit), or starttls; the kind of certificate behind a colon. extra: more of
    the configuration. server: what starts it, from command, port and log."""
    port = free_port()
    os.makedirs(folder.path("state"), exist_ok=True)
    how, _, kind = (tls or "").partition(":")
    cert, key = folder.certificate(kind or "p256")
    config = folder.write("posthaste.toml", f"""
[server]
hostname = "mail.bench.test"
max-connections = {connections}
[server.listener.smtp]
protocol = "smtp"
bind = ["127.0.0.1:{port}"]
tls.enable = {"true" if tls else "false"}
tls.implicit = {"true" if how == "first" else "false"}
[certificate.default]
cert = "file://{cert}"
private-key = "file://{key}"
default = true
[global]
state-dir = "{folder.path('state')}"
io-threads = {workers}
[tracer.console]
type = "console"
level = "warn"
{extra}""")
    if server:
        return server([POSTHASTE, "serve", "-c", config], port, folder.path("log"))
    return Server("posthaste", [POSTHASTE, "serve", "-c", config], port, folder.path("log"))


def greet(server, seconds, threads, *flags):
    """Clients that connect, hear the greeting and quit; CPU of the server in microseconds each."""
    before = server.cpu_s()
    said = json.loads(subprocess.run(
        [CLIENT, "greet", "--port", str(server.port), "--seconds", str(seconds),
         "--threads", str(threads), *flags], check=True, capture_output=True, text=True).stdout)
    if said["failed"] or not said["done"]:
        sys.exit("%s: %d conversations failed, %d did not" %
                 (server.name, said["failed"], said["done"]))
    said["cpu_us"] = (server.cpu_s() - before) * 1e6 / said["done"]
    said["rate"] = said["done"] / said["seconds"]
    return said


def rounds(cells, count, measure):
    """Measures cell after cell, round after round, so that slow moments hit all alike."""
    seen = {cell: [] for cell in cells}
    for _ in range(count):
        for cell in cells:
            seen[cell].append(measure(cell))
    return seen


def median(values):
    return statistics.median(values)


def nginx(folder, tls=None, workers=1):
    """nginx's mail module as an SMTP server that greets and knows QUIT; None where there is none."""
    module = "/usr/lib/nginx/modules/ngx_mail_module.so"
    if not os.path.exists(module):
        return None
    port = free_port()
    how, _, kind = (tls or "").partition(":")
    cert, key = folder.certificate(kind or "p256")
    os.makedirs(folder.path("nginx"), exist_ok=True)
    config = folder.write("nginx.conf", f"""
load_module {module};
daemon off;
worker_processes {workers};
pid {folder.path("nginx.pid")};
error_log {folder.path("nginx.log")} error;
worker_rlimit_nofile 20000;
events {{ worker_connections 19000; }}
mail {{
    server_name mail.bench.test;
    auth_http 127.0.0.1:9/none;
    smtp_capabilities PIPELINING 8BITMIME;
    smtp_auth none;
    smtp_greeting_delay 0;
    timeout 300s;
    ssl_certificate {cert};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache off;
    ssl_session_tickets on;
    server {{
        listen 127.0.0.1:{port}{" ssl" if how == "first" else ""};
        protocol smtp;
        {"starttls on;" if how == "starttls" else ""}
    }}
}}
""")
    return Server("nginx", ["nginx", "-p", folder.path("nginx"), "-c", config], port,
                  folder.path("nginx.out"))


def postfix(folder, tls=None):
    """Postfix's smtpd by a master of its own; None where it is not installed or we are not root."""
    if tls or os.geteuid() != 0 or not os.path.exists("/usr/lib/postfix/sbin/smtpd"):
        return None
    port, spool, data = free_port(), folder.path("spool"), folder.path("data")
    owner, group = shutil.chown, "postfix"
    os.makedirs(folder.path("conf"), exist_ok=True)
    os.makedirs(data, exist_ok=True)
    owner(data, "postfix")
    for name in ("active bounce corrupt defer deferred flush hold incoming private saved trace "
                 "public maildrop pid").split():
        os.makedirs(os.path.join(spool, name), exist_ok=True)
        if name != "pid":
            owner(os.path.join(spool, name), "postfix",
                  "postdrop" if name in ("public", "maildrop") else group)
    folder.write("conf/main.cf", f"""
compatibility_level = 3.6
queue_directory = {spool}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.bench.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
maillog_file = /dev/stdout
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
smtpd_client_connection_rate_limit = 0
""")
    folder.write("conf/master.cf", f"""
127.0.0.1:{port} inet n - n - 100 smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
""")
    return Server("postfix", ["/usr/lib/postfix/sbin/master", "-d", "-c", folder.path("conf")],
                  port, folder.path("postfix.out"))


def table(title, rows, columns, out=sys.stdout):
    """rows: a list of dicts; columns: (heading, key, format)."""
    print(title, file=out)
    print("  " + "  ".join("%*s" % (len(heading), heading) for heading, _, _ in columns), file=out)
    for row in rows:
        print("  " + "  ".join("%*s" % (len(heading), how % row[key] if row[key] is not None else "-")
                               for heading, key, how in columns), file=out)
    out.flush()
