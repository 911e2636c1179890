"""ID tokens as GitLab signs them (section 4, id_tokens): RS256, keys at /oauth/discovery/keys."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from doubles.gitlab_world import Job
from jwt.algorithms import RSAAlgorithm


@cache
def _key(own: bool) -> rsa.RSAPrivateKey:
    del own
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Issuer:
    """A signing key of a server, or of somebody who would like to be one."""

    kid: str = "key-1"
    own: bool = False
    """Somebody else's: a key that is not the server's, even when it is called the same."""

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """The private half; made once for all tests, for it takes a while."""
        return _key(self.own)

    @cached_property
    def jwk(self) -> dict[str, Any]:
        """The public half."""
        shown = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {**shown, "kid": self.kid, "use": "sig", "alg": "RS256"}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Sign claims."""
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.kid, **header})


def claims(url: str, job: Job, audience: str, now: datetime) -> dict[str, Any]:
    """Return the claims of a job's token; ids are text, as GitLab writes them."""
    pipeline, project = job.pipeline, job.pipeline.project
    protected = pipeline.ref in project.protected
    return {
        "iss": url,
        "sub": f"project_path:{project.path}:ref_type:branch:ref:{pipeline.ref}",
        "aud": audience,
        "iat": int(now.timestamp()),
        "nbf": int((now - timedelta(seconds=5)).timestamp()),
        "exp": int((now + timedelta(minutes=5)).timestamp()),
        "jti": f"jti-{job.id}",
        "namespace_id": "1",
        "namespace_path": project.path.rpartition("/")[0],
        "project_id": str(project.id),
        "project_path": project.path,
        "user_id": str(job.user.id),
        "user_login": job.user.username,
        "user_email": job.user.email,
        "pipeline_id": str(pipeline.id),
        "pipeline_source": pipeline.source,
        "job_id": str(job.id),
        "ref": pipeline.ref,
        "ref_type": "branch",
        "ref_path": f"refs/heads/{pipeline.ref}",
        "ref_protected": str(protected).lower(),
        "sha": pipeline.sha,
        "runner_environment": "self-hosted",
    }
