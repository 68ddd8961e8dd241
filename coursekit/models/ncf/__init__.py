"""Neural collaborative filtering: GMF, MLP and NeuMF."""

from coursekit.models.ncf.network import NCFNetwork as NCFNetwork
from coursekit.models.ncf.paper import paper_model as paper_model
from coursekit.models.ncf.recommenders import GMF as GMF
from coursekit.models.ncf.recommenders import MLP as MLP
from coursekit.models.ncf.recommenders import NeuMF as NeuMF
