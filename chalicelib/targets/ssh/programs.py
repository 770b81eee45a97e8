"""The shell programs that run on the hosts. Golden files in the tests hold their text.

What sshd is asked to run is always :data:`BOOT`, which means the same to bash, dash, fish and csh. It reads
the first line of its input and evaluates it in ``/bin/sh``; the lines after it are the program's parameters,
so nothing of ours or the user's is ever inside a quoted command. ``exec`` makes ``/bin/sh`` (and then the
script) the very process that sshd started: it leads its own session and process group, and sshd tells us
exactly how it ended.
"""

from __future__ import annotations

BOOT = "exec /bin/sh -c 'IFS= read -r qd && eval \"$qd\"'"

# Parameters: nonce, "brief" or "file", size of the script in bytes, interpreter, the interpreter's one
# argument (or empty). Then, once we have read the announcement on both streams, the line "go".
#
# A script goes one of two ways. A brief one stays in the pipe that is our input, behind the "go", and its
# shell reads it from there: no file, and no process besides it. Any other is sent before, and written to a
# file. Where our input is no pipe, the host asks with "more" for a brief one too.
#
# - The nonce marks where the noise of shell start-up files ends, on stdout and on stderr.
# - The script runs by its interpreter, as the kernel itself would run it: a /tmp mounted noexec is no matter.
# - Nothing runs before "go": whatever breaks earlier, the host did not run the script.
# - The caretaker holds our input. sshd closes that when the script's process is gone or the connection is,
#   and the caretaker removes the file, whatever ended the script. Only KILL to the whole group ends it too:
#   whoever sees that runs TIDY.
# - Where sshd did not start us as a group leader (some small servers), setsid makes us one.
_RUN = """
IFS= read -r qd_nonce; IFS= read -r qd_way; IFS= read -r qd_size; IFS= read -r qd_by; IFS= read -r qd_arg;
qd_own=; if kill -0 "-$$" 2>/dev/null; then :; elif command -v setsid >/dev/null 2>&1; then qd_own=setsid; fi;
if [ "$qd_way" = brief ] && [ -p /dev/fd/0 ]; then
 echo "$qd_nonce" >&2; echo "$qd_nonce ready $$ ";
 if IFS= read -r qd_go && [ "$qd_go" = go ]; then :; else exit 125; fi;
 exec $qd_own "$qd_by" ${qd_arg:+"$qd_arg"} /dev/fd/3 3<&0 </dev/null; fi;
qd_dir=;
for qd_base in "${TMPDIR:-/tmp}" /var/tmp "$HOME"; do
 if mkdir -m 700 "$qd_base/quarterdeck-$qd_nonce" 2>/dev/null; then
 qd_dir=$qd_base/quarterdeck-$qd_nonce; break; fi; done;
if [ -z "$qd_dir" ]; then
 echo "$qd_nonce failed no private directory can be made in /tmp, /var/tmp or the home directory";
 exit 125; fi;
qd_file=$qd_dir/script;
if [ "$qd_way" = brief ]; then echo "$qd_nonce more"; fi;
if head -c "$qd_size" >"$qd_file" && chmod 700 "$qd_file"; then :; else
 rm -rf "$qd_dir"; echo "$qd_nonce failed the script cannot be written to $qd_file"; exit 125; fi;
echo "$qd_nonce" >&2; echo "$qd_nonce ready $$ $qd_dir";
if IFS= read -r qd_go && [ "$qd_go" = go ]; then :; else rm -rf "$qd_dir"; exit 125; fi;
exec 3<&0 </dev/null;
(trap "" HUP INT QUIT TERM; while read -r qd_go; do :; done; exec rm -rf "$qd_dir") <&3 3<&- >/dev/null 2>&1 &
exec 3<&-;
exec $qd_own "$qd_by" ${qd_arg:+"$qd_arg"} "$qd_file"
"""

# Parameters: nonce, the script's directory.
_TIDY = """
IFS= read -r qd_nonce; IFS= read -r qd_dir;
rm -rf "$qd_dir"; echo "$qd_nonce tidy"
"""

# Parameters: nonce, process group, the script's directory. TERM, two seconds of grace, KILL; then looks who
# is left, in /proc where there is one: a zombie that nobody buries (containers) does not count, and a process
# that became root, to which we may not send signals, does.
_STOP = """
IFS= read -r qd_nonce; IFS= read -r p; IFS= read -r qd_dir;
send() { kill "-$1" "-$p" 2>/dev/null || kill "-$1" "$p" 2>/dev/null; };
nap() { sleep 0.1 2>/dev/null || sleep 1; };
member() { [ "$1" != Z ] && [ "$1" != X ] && [ "$3" = "$p" ]; };
left() { if [ -r /proc/self/stat ]; then
 for s in /proc/[0-9]*/stat; do
 if IFS= read -r l 2>/dev/null <"$s"; then if member ${l##*) }; then return 0; fi; fi; done; return 1;
 else send 0; fi; };
send TERM; send CONT;
n=20; while [ $n -gt 0 ] && send 0 && left; do nap; n=$((n-1)); done;
send KILL;
n=20; while [ $n -gt 0 ] && left; do nap; n=$((n-1)); done;
rm -rf "$qd_dir";
if left; then echo "$qd_nonce left"; else echo "$qd_nonce gone"; fi
"""

# Parameter: nonce. Lines of "name value" behind it; what the host does not have is left out.
_HEALTH = """
IFS= read -r qd_nonce;
echo "$qd_nonce";
echo "system $(uname -sr 2>/dev/null)";
if [ -r /proc/uptime ]; then read -r v x </proc/uptime; echo "uptime $v"; fi;
if [ -r /proc/loadavg ]; then read -r v x </proc/loadavg; echo "load $v"; fi;
if [ -r /proc/meminfo ]; then
 while read -r k v x; do case $k in MemTotal:|MemAvailable:) echo "$k $v";; esac; done </proc/meminfo; fi;
df -Pk / 2>/dev/null | while read -r f b u a x; do echo "disk $u $a"; done;
echo "$qd_nonce end"
"""


def _one_line(program: str) -> str:
    return " ".join(program.split("\n")).strip().replace("  ", " ") + "\n"


RUN = _one_line(_RUN)
STOP = _one_line(_STOP)
TIDY = _one_line(_TIDY)
HEALTH = _one_line(_HEALTH)


def with_parameters(program: str, *parameters: str) -> bytes:
    """The input for :data:`BOOT`: program and parameters, a line each. Parameters must be single lines."""
    if any("\n" in each for each in parameters):
        raise ValueError("a parameter has more than one line")
    return (program + "".join(f"{each}\n" for each in parameters)).encode(errors="surrogatepass")
