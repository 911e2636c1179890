import org.mlrelease.Settings

/** Deploys what was approved, on an agent with keys; for a stage that holds the lock. Returns 0 where it was released. */
int call(Map options = [:]) {
    Settings settings = new Settings(options)
    int code = 1
    // Whoever holds the lock is past every milestone that a newer build can pass while it waits for the lock.
    milestone(ordinal: 30)
    mlReleaseTrusted('deploy', options, settings.gate ? 'ml-release-approved' : 'ml-release-records') {
        code = mlReleaseStage('deploy', options)
        keep(settings)
    }
    // A build that ends takes older ones with it that are not further: not the one that watches what it just released.
    milestone(ordinal: 40)
    return code
}

private void keep(Settings settings) {
    dir(settings.folder()) {
        archiveArtifacts(artifacts: 'release/*/release.json,release/*/head.json', allowEmptyArchive: true)
    }
}
