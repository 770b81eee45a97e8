#!/bin/sh
# The app of the tests. MODE chooses how it behaves; PORT is where it listens (8080).
trap 'echo "stopping"; exit 0' TERM
echo "version $VERSION starts in mode ${MODE:-serve}"
mkdir -p /www; echo "version $VERSION" > /www/index.html; echo ok > /www/health
serve() { httpd -f -p "${PORT:-8080}" -h /www & }
stay() { while :; do sleep 1 & wait $!; done; }
case ${MODE:-serve} in
  serve) serve; stay ;;
  crash) echo "opening the database"; echo "FATAL cannot open the database" >&2; exit 3 ;;
  deaf) stay ;;                                                # listens nowhere
  eat) x=0123456789abcdef; while :; do x=$x$x$x$x; done ;;     # takes memory until it is killed
  chatty) serve; n=0; while :; do n=$((n+1)); echo "line $n"; usleep "${PAUSE:-200000}"; done ;;
  flood) serve; seq 1 "${LINES:-100000}"; stay ;;
esac
