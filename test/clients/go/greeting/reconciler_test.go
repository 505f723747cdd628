package greeting

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	controllerconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"example.com/sandplane-go/sandplanetest"
)

const name = "morning"

func TestReconciler(t *testing.T) {
	ctrl.SetLogger(klog.Background())
	api := startController(t)
	greeting := &Greeting{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: Spec{Name: "Ada"}}
	var configMap *corev1.ConfigMap

	t.Run("the API server holds to the schema of the CRD", func(t *testing.T) {
		nobody := &Greeting{ObjectMeta: metav1.ObjectMeta{Name: "nobody", Namespace: "default"}}
		if err := api.Create(t.Context(), nobody); !apierrors.IsInvalid(err) {
			t.Errorf("a Greeting without a name: %v", err)
		}
	})
	t.Run("a Greeting gets its ConfigMap and a status", func(t *testing.T) {
		must(t, api.Create(t.Context(), greeting))
		configMap = await(t, api, &corev1.ConfigMapList{}, saying("Hello, Ada!"))
		greeting = await(t, api, &GreetingList{}, observed)
		if greeting.Status.Message != "Hello, Ada!" {
			t.Errorf("its status is %+v", greeting.Status)
		}
		if !metav1.IsControlledBy(configMap, greeting) {
			t.Errorf("the owners are %v", configMap.OwnerReferences)
		}
	})
	t.Run("a changed Greeting changes it", func(t *testing.T) {
		changed := greeting.DeepCopyObject().(*Greeting)
		changed.Spec.Name = "Grace"
		must(t, api.Patch(t.Context(), changed, client.MergeFrom(greeting)))
		configMap = await(t, api, &corev1.ConfigMapList{}, saying("Hello, Grace!"))
		greeting = await(t, api, &GreetingList{}, observed)
	})
	t.Run("a deleted ConfigMap is made again", func(t *testing.T) {
		must(t, api.Delete(t.Context(), configMap))
		again := await(t, api, &corev1.ConfigMapList{}, saying("Hello, Grace!"))
		if again.UID == configMap.UID {
			t.Error("it is still the same one")
		}
	})
}

func observed(it *Greeting) bool { return it.Status.ObservedGeneration == it.Generation }

func saying(message string) func(*corev1.ConfigMap) bool {
	return func(it *corev1.ConfigMap) bool { return it.Data["message"] == message }
}

// startController runs the controller against a sandbox, as envtest runs it against binaries of its own.
func startController(t *testing.T) client.WithWatch {
	t.Helper()
	// A suite that is there already needs no more than this: with USE_EXISTING_CLUSTER, envtest starts nothing, and it
	// takes the Config it is given, else the one that KUBECONFIG leads to.
	t.Setenv("USE_EXISTING_CLUSTER", "true")
	environment := &envtest.Environment{
		Config:                sandplanetest.New(t).Config,
		CRDDirectoryPaths:     []string{"crd"},
		ErrorIfCRDPathMissing: true,
	}
	config, err := environment.Start()
	must(t, err)
	t.Cleanup(func() { must(t, environment.Stop()) })

	scheme := runtime.NewScheme()
	must(t, clientgoscheme.AddToScheme(scheme))
	must(t, AddToScheme(scheme))
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
		// So that -count may be more than 1.
		Controller: controllerconfig.Controller{SkipNameValidation: new(true)},
	})
	must(t, err)
	must(t, (&Reconciler{Client: manager.GetClient()}).SetupWithManager(manager))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
	})

	api, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	must(t, err)
	return api
}

// await follows the object's changes until it is as wanted. A watch begins with what is there already.
func await[Object client.Object](t *testing.T, api client.WithWatch, list client.ObjectList, wanted func(Object) bool) Object {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	changes, err := api.Watch(ctx, list, client.InNamespace("default"), client.MatchingFields{"metadata.name": name})
	must(t, err)
	defer changes.Stop()
	var last any
	for change := range changes.ResultChan() {
		last = change.Object
		if object, ok := change.Object.(Object); ok && change.Type != watch.Deleted && wanted(object) {
			return object
		}
	}
	t.Fatalf("it did not become as wanted in time; it was last %+v", last)
	panic("unreachable")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
