"""Public classes of scikit-learn that are not compiled, and why. The compiler says it, and so does docs/compiler.md."""

from __future__ import annotations

_NEIGHBOURS = (
    "rounding decides which of two equally near rows counts, so no graph is equal; use trees or a linear model"
)
_DISTANCE = "rounding decides about distances near zero; use trees or a linear model"
_CLUSTER = "it groups rows and predicts nothing that was learnt; train a classifier or a regressor"
_EMBED = "it cannot transform a row that it was not fitted on; use PCA"
_ITERATES = "it solves each row by iterations up to a tolerance; use PCA or TruncatedSVD"
_TARGETS = "it gives more than one target; train one model a target"
_LABELS = "it works on the target, not on columns; the contract encodes the target"
_DENSITY = "it estimates a density or outliers and predicts no target"
_COVARIANCE = "it estimates a covariance and transforms nothing"
_OUTLIER = "it finds outliers and predicts no target"

REFUSED: dict[str, str] = {
    **dict.fromkeys(
        (
            "KNeighborsClassifier",
            "KNeighborsRegressor",
            "KNeighborsTransformer",
            "KNNImputer",
            "NearestNeighbors",
            "RadiusNeighborsClassifier",
            "RadiusNeighborsRegressor",
            "RadiusNeighborsTransformer",
            "LabelPropagation",
            "LabelSpreading",
            "Isomap",
        ),
        _NEIGHBOURS,
    ),
    **dict.fromkeys(("KMeans", "MiniBatchKMeans", "BisectingKMeans", "Birch"), _DISTANCE),
    **dict.fromkeys(
        (
            "AffinityPropagation",
            "AgglomerativeClustering",
            "DBSCAN",
            "HDBSCAN",
            "MeanShift",
            "OPTICS",
            "SpectralBiclustering",
            "SpectralClustering",
            "SpectralCoclustering",
        ),
        _CLUSTER,
    ),
    **dict.fromkeys(("ClassicalMDS", "MDS", "SpectralEmbedding", "TSNE"), _EMBED),
    **dict.fromkeys(
        (
            "DictionaryLearning",
            "LatentDirichletAllocation",
            "LocallyLinearEmbedding",
            "MiniBatchDictionaryLearning",
            "MiniBatchNMF",
            "NMF",
            "SparseCoder",
        ),
        _ITERATES,
    ),
    **dict.fromkeys(
        (
            "ClassifierChain",
            "MultiOutputClassifier",
            "MultiOutputRegressor",
            "MultiTaskElasticNet",
            "MultiTaskElasticNetCV",
            "MultiTaskLasso",
            "MultiTaskLassoCV",
            "RegressorChain",
        ),
        _TARGETS,
    ),
    **dict.fromkeys(("LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer"), _LABELS),
    **dict.fromkeys(("BayesianGaussianMixture", "GaussianMixture", "KernelDensity"), _DENSITY),
    **dict.fromkeys(
        (
            "EmpiricalCovariance",
            "GraphicalLasso",
            "GraphicalLassoCV",
            "LedoitWolf",
            "MinCovDet",
            "OAS",
            "ShrunkCovariance",
        ),
        _COVARIANCE,
    ),
    **dict.fromkeys(
        ("EllipticEnvelope", "IsolationForest", "LocalOutlierFactor", "OneClassSVM", "SGDOneClassSVM"), _OUTLIER
    ),
    "DictVectorizer": "it takes dictionaries, not columns; use OneHotEncoder",
    "PatchExtractor": "it takes images, not columns",
    "AdditiveChi2Sampler": "it takes logarithms, which onnxruntime computes otherwise in a batch; use Nystroem",
    "SkewedChi2Sampler": "it takes logarithms, which onnxruntime computes otherwise in a batch; use Nystroem",
    "PolynomialCountSketch": "it multiplies by Fourier transforms; use PolynomialFeatures or Nystroem",
    "AdaBoostRegressor": "it takes a median over its members, which has no operator; use RandomForestRegressor",
    "GaussianProcessClassifier": "onnxruntime has no error function in float64; use SVC inside CalibratedClassifierCV",
    "GaussianProcessRegressor": "its kernels are code; use KernelRidge",
    "HashingVectorizer": "it gives a column to terms that no text of the fit held; use TfidfVectorizer",
    "IterativeImputer": "it refines its guesses by rounds until a tolerance; use SimpleImputer",
    "IsotonicRegression": "it takes one column and cannot stand in a table's pipeline; use CalibratedClassifierCV",
    "NearestCentroid": "rounding decides about distances near zero; use LinearDiscriminantAnalysis",
    "OneVsOneClassifier": "it gives no probabilities; use OneVsRestClassifier",
    "OutputCodeClassifier": "it gives no probabilities; use OneVsRestClassifier",
}
