#!/bin/bash
# etcd + kube-apiserver + controller-manager + scheduler (+ kubelet, + kube-proxy) on loopback, for tests; prints KUBECONFIG=…
# start.sh BIN_DIR RUN_DIR; KUBELET=0 leaves the node out, PROXY=1 adds service addresses. Needs etcd-server, openssl, and for the node a running dockerd with the images of images.sh.
# RUN_DIR/apiserver.sh is the API server's own command, to start it again on the same etcd after it was killed.
set -euo pipefail
BIN=${1:?BIN_DIR}; RUN=${2:?RUN_DIR}
KUBELET=${KUBELET:-1}; PROXY=${PROXY:-0}; PORT=${PORT:-16443}; EPORT=${EPORT:-23790}; EPEER=${EPEER:-$((EPORT+1))}; ETCD=${ETCD:-etcd}
rm -rf "$RUN/etcd"; mkdir -p "$RUN"/{pki,log,etcd,kubelet}; chmod 700 "$RUN/etcd"; cd "$RUN"; : > pids
bg() { local n=$1; shift; "$@" >log/$n.log 2>&1 </dev/null & echo "$! $n" >> pids; }
# --- certificates: one CA, one serving certificate, one of the aggregator's, one service-account key; users are tokens
sign() { # NAME SUBJECT [EXTENSIONS]
  openssl req -newkey rsa:2048 -nodes -subj "$2" -keyout pki/$1.key -out pki/$1.csr 2>/dev/null
  openssl x509 -req -days 30 -in pki/$1.csr -CA pki/ca.crt -CAkey pki/ca.key -CAcreateserial -out pki/$1.crt -extfile <(echo "${3:-}") 2>/dev/null
}
if [ ! -f pki/sa.pub ]; then
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=test-ca -keyout pki/ca.key -out pki/ca.crt 2>/dev/null
  sign srv /CN=kube-apiserver "subjectAltName=IP:127.0.0.1,IP:10.96.0.1,IP:${NODE_IP:-172.17.0.1},DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:metrics-server.kube-system.svc"
  sign front-proxy /CN=front-proxy
  sign client /O=system:masters/CN=certified-admin extendedKeyUsage=clientAuth
  openssl genrsa -out pki/sa.key 2048 2>/dev/null; openssl rsa -in pki/sa.key -pubout -out pki/sa.pub 2>/dev/null
fi
TOK=$(openssl rand -hex 16)
printf '%s,admin,admin,"system:masters"\n%s,nobody,nobody\n' "$TOK" "$(openssl rand -hex 16)" > pki/tokens.csv; chmod 600 pki/tokens.csv
cat > kubeconfig <<K
apiVersion: v1
kind: Config
clusters: [{name: t, cluster: {server: "https://127.0.0.1:$PORT", certificate-authority-data: $(base64 -w0 pki/ca.crt)}}]
users: [{name: admin, user: {token: $TOK}}]
contexts: [{name: t, context: {cluster: t, user: admin}}]
current-context: t
K
chmod 600 kubeconfig
# service addresses must never leave the machine by the default route (kube-proxy's DNAT re-routes them; without it they end here)
ip route replace local 10.96.0.0/16 dev lo src ${NODE_IP:-172.17.0.1}; ip route get 10.96.0.10 | grep -q ' dev lo ' || { echo "no local route for the service range" >&2; exit 1; }
bg etcd $ETCD --data-dir etcd --unsafe-no-fsync --listen-client-urls http://127.0.0.1:$EPORT --advertise-client-urls http://127.0.0.1:$EPORT --listen-peer-urls http://127.0.0.1:$EPEER --initial-advertise-peer-urls http://127.0.0.1:$EPEER --initial-cluster default=http://127.0.0.1:$EPEER
cat > apiserver.sh <<K
#!/bin/bash
cd $RUN; exec $BIN/kube-apiserver --etcd-servers=http://127.0.0.1:$EPORT --bind-address=127.0.0.1 --secure-port=$PORT \\
  --tls-cert-file=pki/srv.crt --tls-private-key-file=pki/srv.key --client-ca-file=pki/ca.crt --token-auth-file=pki/tokens.csv --authorization-mode=Node,RBAC \\
  --service-account-key-file=pki/sa.pub --service-account-signing-key-file=pki/sa.key --service-account-issuer=https://kubernetes.default.svc \\
  --requestheader-client-ca-file=pki/ca.crt --requestheader-allowed-names=front-proxy --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \\
  --proxy-client-cert-file=pki/front-proxy.crt --proxy-client-key-file=pki/front-proxy.key --enable-aggregator-routing=true \\
  --service-cluster-ip-range=10.96.0.0/16 --allow-privileged --kubelet-preferred-address-types=Hostname --endpoint-reconciler-type=none ${APISERVER_EXTRA:-}
K
bg apiserver bash apiserver.sh
export KUBECONFIG=$RUN/kubeconfig
ask() { curl -sf --cacert pki/ca.crt -H "Authorization: Bearer $TOK" "https://127.0.0.1:$PORT$1"; }
for i in $(seq 300); do ask /readyz >/dev/null && break; sleep .2; done
ask /readyz >/dev/null || { tail -20 log/apiserver.log >&2; exit 1; }
bg kcm $BIN/kube-controller-manager --kubeconfig=kubeconfig --authentication-kubeconfig=kubeconfig --authorization-kubeconfig=kubeconfig --bind-address=127.0.0.1 --secure-port=${KCMPORT:-16257} --port=0 --cert-dir=pki \
  --service-account-private-key-file=pki/sa.key --root-ca-file=pki/ca.crt --use-service-account-credentials --leader-elect=false --concurrent-namespace-syncs=10 ${KCM_EXTRA:-}
bg scheduler $BIN/kube-scheduler --kubeconfig=kubeconfig --authentication-kubeconfig=kubeconfig --authorization-kubeconfig=kubeconfig --bind-address=127.0.0.1 --secure-port=${SCHPORT:-16259} --port=0 --leader-elect=false
if [ "$KUBELET" = 1 ]; then
  cat > kubelet.yaml <<K
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
port: ${KPORT:-16250}
healthzPort: 0
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: $(docker info -f '{{.CgroupDriver}}' 2>/dev/null || echo cgroupfs)
failSwapOn: false
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {nodefs.available: "0%", imagefs.available: "0%", nodefs.inodesFree: "0%", memory.available: "50Mi"}
syncFrequency: 2s
nodeStatusUpdateFrequency: 1s
${KUBELET_CFG:-}
K
  bg kubelet $BIN/kubelet --kubeconfig=kubeconfig --config=kubelet.yaml --hostname-override=localhost --node-ip=${NODE_IP:-172.17.0.1} --root-dir="$RUN/kubelet" --cert-dir=pki ${KUBELET_EXTRA:---pod-infra-container-image=local/pause:1}
fi
[ "$PROXY" = 1 ] && bg proxy $BIN/kube-proxy --kubeconfig=kubeconfig --hostname-override=localhost --proxy-mode=iptables --conntrack-max-per-core=0 --healthz-bind-address=127.0.0.1:16256 --metrics-bind-address=127.0.0.1:16249
ready() { ask /api/v1/nodes/localhost | tr -d ' \n' | grep -q '"type":"Ready","status":"True"\|"status":"True"[^}]*"reason":"KubeletReady"'; }
if [ "$KUBELET" = 1 ]; then for i in $(seq 300); do ready && break; sleep .2; done; ready || { tail -20 log/kubelet.log >&2; exit 1; }; fi
echo "KUBECONFIG=$RUN/kubeconfig"
