import groovy.transform.Field
import org.mlrelease.Settings

// Where there are keys: what loads no model, and of everything else the versions that its own lock names, by hash.
@Field
final String TRUSTED = '''
    python3 -m venv --clear "$ML_RELEASE_VENV"
    "$ML_RELEASE_VENV/bin/python" -m pip install --quiet --no-deps "ml-release-core$ML_RELEASE_PIN"
    "$ML_RELEASE_VENV/bin/python" -m pip install --quiet --require-hashes -r "$("$ML_RELEASE_VENV/bin/python" -m ci_lib.locks)"
'''

@Field
final String WHOLE = '''
    python3 -m venv --clear "$ML_RELEASE_VENV"
    "$ML_RELEASE_VENV/bin/python" -m pip install --quiet "ml-release$ML_RELEASE_PIN"
'''

/** Runs a block with `ml-release` on PATH: the agent's own, or installed anew beside the workspace where a version is set. */
void call(Map options, boolean trusted, Closure body) {
    Settings settings = new Settings(options)
    if (settings.version == null) {
        body()
        return
    }
    // Beside the workspace nothing is emptied by itself: an older build's installation is there, and what code of authors
    // made of it. So each is made anew, and what is used with keys has a place of its own.
    String beside = pwd(tmp: true) + (trusted ? '/ml-release-keys' : '/ml-release')
    List<String> where = ["ML_RELEASE_VENV=${beside}/venv", 'ML_RELEASE_PIN=' + (settings.version ? '==' + settings.version : '')]
    if (settings.wheels) {
        dir(beside + '/wheels') {
            deleteDir()
            unstash(settings.wheels)
        }
        where << "PIP_FIND_LINKS=${beside}/wheels".toString()
    }
    withEnv(where) {
        sh(label: 'install ml-release', script: trusted ? TRUSTED : WHOLE)
    }
    withEnv(["PATH+ML_RELEASE=${beside}/venv/bin"]) {
        body()
    }
}
