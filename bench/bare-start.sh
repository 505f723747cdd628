#!/bin/sh
# The baseline: etcd and kube-apiserver as one starts them by hand, with etcd's defaults, on fresh data, one right
# after the other. Certificates are ready-made in ./pki. Prints the pids, then "accepted" once a user's write is, and the
# Service kubernetes is there with its endpoint.
set -eu
cd "$1"

"$ETCD" --data-dir=etcd \
  --listen-client-urls="http://127.0.0.1:$ETCD_PORT" --advertise-client-urls="http://127.0.0.1:$ETCD_PORT" \
  --listen-peer-urls="http://127.0.0.1:$PEER_PORT" --initial-advertise-peer-urls="http://127.0.0.1:$PEER_PORT" \
  --initial-cluster="default=http://127.0.0.1:$PEER_PORT" >etcd.log 2>&1 &
echo "pid etcd $!"

"$KUBE_APISERVER" --etcd-servers="http://127.0.0.1:$ETCD_PORT" \
  --bind-address=127.0.0.1 --secure-port="$PORT" \
  --cert-dir=certs --client-ca-file=pki/ca.crt --tls-cert-file=pki/server.crt --tls-private-key-file=pki/server.key \
  --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-account-key-file=pki/sa.pub --service-account-signing-key-file=pki/sa.key \
  --authorization-mode=RBAC --service-cluster-ip-range=10.96.0.0/16 \
  --disable-admission-plugins=ServiceAccount >kube-apiserver.log 2>&1 &
echo "pid kube-apiserver $!"

ask() {
  curl -s -o /dev/null -w '%{http_code}' --cacert pki/ca.crt --cert pki/user.crt --key pki/user.key "$@" || true
}
server="https://127.0.0.1:$PORT"
configmap='{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"first"}}'
configmaps="$server/api/v1/namespaces/default/configmaps"
slice="$server/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"

until [ "$(ask -H 'Content-Type: application/json' -d "$configmap" "$configmaps")" = 201 ]; do sleep 0.02; done
until [ "$(ask "$slice")" = 200 ]; do sleep 0.02; done
echo accepted
wait
