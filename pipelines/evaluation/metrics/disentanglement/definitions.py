"""The definitions of the disentanglement scores, as metrics.json and the report have them."""

DEFINITIONS = {
    "data": "the images that are scored. Independent images: factors uniform over their ranges and independent of one "
    "another and of the identity, identities of the test split, rendered with the model, camera and light of the "
    "sweeps, as published scores are; test sweeps, where the images cannot be rendered here: their factors are not "
    "independent, and the scores are not those of other work",
    "mig": "mutual information gap of single latents: (largest - second largest MI of a latent with a factor) / "
    "entropy, mean over factors; 20 bins of equal width (Chen et al. 2018)",
    "sap": "R2 of the best latent on a factor minus that of the second best, mean over factors (Kumar et al. 2018, for "
    "continuous factors; of a circle, R2 on its cosine and sine)",
    "mcc": "mean |Spearman correlation| of the best one-to-one matching of latents and factors; none with circles",
    "modularity": "of each latent, 1 - (sum of its squared MI with all factors - largest) / (largest x (factors - 1)), "
    "mean over latents; noise has 0.67 with 3 factors (Ridgeway and Mozer 2018)",
    "explicitness": "area under the ROC curve of a linear classifier of a factor's levels (10 bins of equal width), on "
    "images that were not fitted, mean over levels and factors; chance is 0.5 (Ridgeway and Mozer 2018)",
    "irs": "interventional robustness: 1 - (99% quantile of a latent's distance from its mean while a factor stays on "
    "a level, mean over levels) / its largest distance, best factor, mean over latents weighted by that distance; "
    "normal noise has 0.4 (Suter et al. 2019)",
    "factor_vae": "accuracy of a majority vote on the latent of least relative variance (Kim and Mnih 2018)",
    "beta_vae": "accuracy of a linear classifier on the mean difference of pairs that share a factor, of standardised "
    "latents (Higgins et al. 2017)",
    "dci_classifiers": "disentanglement and completeness of the importances of gradient-boosted classifiers, and their "
    "accuracy on images that were not fitted (Eastwood and Williams 2018, by trees as in Locatello et al. 2019); "
    "a factor's values in at most 10 classes of equal width, at most 5,000 images each to fit and to judge",
    "dci_regressors": "the same of gradient-boosted regressors, and their mean R2: far more lenient than classifiers",
    "_block": "a name with this ending is the same score with the intrinsic latents as one latent. For MIG, SAP, MCC "
    "and modularity that is the best of them or, if it is better, the prediction of each factor from all of them, for "
    "images that were not fitted, by ridge regression or 25 nearest neighbours (whichever has the higher R2): what "
    "leaks into many latents, a little into each, lowers the score. DCI sums their importances, FactorVAE averages "
    "their relative variances",
    "intrinsic_r2": "R2 of each factor as predicted from the intrinsic latents in that way; 0 is no leak",
}
