"""Models that describe users and items by a few learned numbers each."""

from coursekit.models.factorization.als import ALS as ALS
from coursekit.models.factorization.autorec import AutoRec as AutoRec
from coursekit.models.factorization.biased_mf import BiasedMF as BiasedMF
from coursekit.models.factorization.bpr import BPR as BPR
from coursekit.models.factorization.fm import FactorizationMachine as FactorizationMachine
